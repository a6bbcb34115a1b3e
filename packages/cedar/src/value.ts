/**
 * Cedar values as the engine holds them. A value is plain data, so that a surface builds them without
 * passing through JSON: a Long is a number where that is exact and a bigint beyond 2^53, a set is an array
 * (order and repetition mean nothing), a record is an object whose own members count and nothing else.
 * Whatever was handed to the engine must not change afterwards. Pure.
 */
import type { Extension } from './extension/extension.ts';

/** A reference to an entity. Two of them are equal when type and id are; identity means nothing. */
export class EntityUid {
  /** Without quotes: `Table`, `App::User`. */
  readonly type: string;
  readonly id: string;

  constructor(type: string, id: string) {
    this.type = type;
    this.id = id;
  }
}

/**
 * A Long outside ±(2^53−1) is a bigint and one inside is a number; the engine makes no others, takes a
 * bigint of any size within i64, and refuses numbers that are no safe integers.
 */
export type Long = number | bigint;

export type Value = boolean | string | Long | EntityUid | Extension | CedarSet | CedarRecord;
export type CedarSet = readonly Value[];
export interface CedarRecord {
  readonly [name: string]: Value;
}

export interface Entity {
  readonly uid: EntityUid;
  readonly parents: readonly EntityUid[];
  readonly attrs: CedarRecord;
  readonly tags?: CedarRecord;
}

/** One question to the policies. */
export interface Request {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly context: CedarRecord;
}

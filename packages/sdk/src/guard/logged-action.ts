/**
 * From a decision's entry and the blobs that it names back to the action that was decided on: what `log
 * recheck`, `policy replay` and `policy report` decide again. Pure. An entry may be anybody's, so whatever
 * does not have its shape is a reason and never a throw.
 */
import {
  CedarError,
  type Json as CedarJson,
  entitiesFromJson,
  recordFromJson,
} from '@sealrail/cedar';
import { parseCanonical } from '../entry/canonical.ts';
import type { Common, DecisionFields, Entry, Json, ResourceUse } from '../entry/entry.ts';
import { SealrailError } from '../errors.ts';
import { type Action, type CedarRecord, type Entity, EntityUid, type Request } from './decision.ts';
import { NO_ACCESS, type RecordedSql, sqlContext } from './sql-context.ts';

export type DecisionEntry = Common & DecisionFields;

/** Of the side store, by digest; undefined where it has been erased. */
export type BlobReader = (digest: string) => Uint8Array | undefined;

/**
 * Why there is nothing to decide again: no policy was asked; a blob is gone; the guard itself had failed;
 * or it is an entry of a shape that this version does not know.
 */
export type NotRecomputable =
  | 'rejected'
  | 'not-understood'
  | 'guard-failed'
  | 'blob-missing'
  | 'shape-unknown';

/** Digests of the blobs without which this entry cannot be decided again, its policy set aside. */
export function blobsOf({ payloads = [], decision }: DecisionEntry): string[] {
  return [...payloads.map(({ digest }) => digest), decision.entities];
}

/** The action, or why there is none. */
export function loggedAction(entry: DecisionEntry, blobs: BlobReader): Action | NotRecomputable {
  const { code, entities } = entry.decision;
  if (code === 'rejected' || code === 'not-understood') return code;
  if (entities === '') return 'guard-failed';
  try {
    const whole = withPayloads(entry, blobs);
    const bytes = blobs(entities);
    if (whole === undefined || bytes === undefined) return 'blob-missing';
    const requests = requestsOf(whole);
    return requests === undefined ? 'shape-unknown' : { requests, entities: entitiesOf(bytes) };
  } catch (error) {
    const isShape =
      error instanceof TypeError || error instanceof SealrailError || error instanceof CedarError;
    if (isShape) return 'shape-unknown';
    throw error;
  }
}

export const isAction = (found: Action | NotRecomputable): found is Action =>
  typeof found === 'object';

/** The entry with every member that moved out of it; undefined where one is gone. */
export function withPayloads<E extends Entry>(entry: E, blobs: BlobReader): E | undefined {
  let whole: E = entry;
  for (const { at, digest } of entry.payloads ?? []) {
    const bytes = blobs(digest);
    if (bytes === undefined) return undefined;
    const value = parseCanonical(Buffer.from(bytes).toString('utf8'));
    whole = placed(whole as unknown as JsonRecord, at.split('/').slice(1), value) as unknown as E;
  }
  return whole;
}

type JsonRecord = { readonly [name: string]: Json | undefined };

function placed(record: JsonRecord, path: readonly string[], value: Json): JsonRecord {
  const [name, ...rest] = path;
  if (name === undefined) return record;
  const inner = rest.length === 0 ? value : placed(record[name] as JsonRecord, rest, value);
  return { ...record, [name]: inner };
}

/** Entities as their canonical form holds them. Throws ENTRY_INVALID or CEDAR_JSON for other bytes. */
export function entitiesOf(bytes: Uint8Array): readonly Entity[] {
  return entitiesFromJson(parseCanonical(Buffer.from(bytes).toString('utf8')) as CedarJson);
}

const TYPES = { human: 'Human', service: 'Service', agent: 'Agent' } as const;

function requestsOf(entry: DecisionEntry): readonly Request[] | undefined {
  const { principal: who, resources } = entry;
  if (who === undefined || !Object.hasOwn(TYPES, who.type) || !Array.isArray(resources)) {
    return undefined;
  }
  const contexts = contextsOf(entry);
  if (contexts === undefined) return undefined;
  const principal = new EntityUid(TYPES[who.type], who.id);
  return (resources as readonly ResourceUse[]).map((use) => ({
    principal,
    action: use.action,
    resource: new EntityUid(use.type, use.id),
    context: contexts(use),
  }));
}

type ContextOf = (use: ResourceUse) => CedarRecord;

/** By surface, the one member of `facts`: what a request's context is besides `meta`. */
function contextsOf({ facts, meta, target, statement }: DecisionEntry): ContextOf | undefined {
  const surfaces = facts as JsonRecord;
  const known = recordFromJson(meta as CedarJson);
  if (surfaces.sql !== undefined) {
    const recorded = surfaces.sql as unknown as RecordedSql;
    const sql = sqlContext({ facts: recorded, template: statement ?? '', database: target });
    return ({ access = NO_ACCESS }) => ({
      meta: known,
      sql,
      access: recordFromJson(access as CedarJson),
    });
  }
  if (surfaces.change !== undefined) {
    const change = recordFromJson(surfaces.change as CedarJson);
    return () => ({ meta: known, change });
  }
  return undefined;
}

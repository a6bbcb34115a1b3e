/** Reads NAME.test.yaml: every case of it as an action with what is expected of it, or everything that is wrong. */

import type { ResolvedSchema } from '@sealrail/cedar';
import type { ParsePort } from '@sealrail/facts';
import type { Action } from '@sealrail/sdk';
import { YamlSource } from '../config/source.ts';
import { actionOf } from './action.ts';
import { databaseOf } from './database.ts';
import { Entities } from './entities.ts';
import { type Expectation, expectationOf, listOf } from './expectation.ts';
import type { Problem } from './facts.ts';
import { fileKeys, fileShape, type RawCase, type RawFile } from './shape.ts';

export interface TestCase {
  readonly name: string;
  /** Where it stands; line and column are 1-based. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly action: Action;
  readonly expected: Expectation;
  /** Policies that this case comes near and must not meet. */
  readonly spares: readonly string[];
}

export interface TestFileOptions {
  readonly schema: ResolvedSchema;
  readonly parse: ParsePort;
}

/** Throws ConfigError with every problem of the file. */
export function readTestFile(file: string, options: TestFileOptions): readonly TestCase[] {
  const source = new YamlSource(file);
  const raw = source.check(fileShape, fileKeys);
  if (raw === undefined) throw source.error();
  const problem: Problem = (...where) => source.add(...where);
  const database = databaseOf(raw.database, problem);
  const cases = raw.cases.flatMap((one, at) => {
    const path = ['cases', at];
    const entities = entitiesOf(raw, one, options, problem);
    const { env } = one;
    const world = { ...options, database, principals: raw.principals, entities, env };
    const action = actionOf(one, path, { ...world, nowMs: Date.parse(one.at) });
    const expected = expectationOf(one.expect, [...path, 'expect'], problem);
    if (action === undefined) return [];
    const { name, spares } = one;
    return [{ name, file, ...source.placeOf(path), action, expected, spares: listOf(spares) }];
  });
  if (source.isWrong) throw source.error();
  return cases;
}

/** Of each case its own: what one case says of an entity is nothing to the next. */
const entitiesOf = (
  raw: RawFile,
  { env }: RawCase,
  { schema }: TestFileOptions,
  problem: Problem,
): Entities =>
  new Entities({ schema, env, principals: raw.principals, declared: raw.entities, problem });

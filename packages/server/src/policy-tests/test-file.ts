/** Reads NAME.test.yaml: every case of it as actions with what is expected of each, or everything that is wrong. */
import type { ResolvedSchema } from '@sealrail/cedar';
import type { ParsePort } from '@sealrail/facts';
import { nearest } from '../config/nearest.ts';
import { YamlSource } from '../config/source.ts';
import { type Doing, doingOf } from './action.ts';
import { type Database, databaseOf } from './database.ts';
import { Entities } from './entities.ts';
import { type Expectation, expectationOf, listOf } from './expectation.ts';
import type { Path, Problem } from './facts.ts';
import {
  fileKeys,
  fileShape,
  type RawAct,
  type RawCase,
  type RawFile,
  type RawStep,
} from './shape.ts';

/** Where something stands in a file; line and column are 1-based. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface TestCase extends Place {
  readonly name: string;
  readonly file: string;
  /** Name of the guarded system. */
  readonly target: string;
  /** At least one. */
  readonly steps: readonly TestStep[];
}

export interface TestStep extends Place {
  readonly doing: Doing;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly repeat: number;
  /** Absent where a step only sets the scene. */
  readonly expected?: Expectation;
  /** Policies that it comes near and must not meet. */
  readonly spares: readonly string[];
  readonly approved: readonly Approver[];
  /** What became of it, where it was allowed. */
  readonly outcome: Pick<RawStep, 'outcome' | 'rows' | 'bytes'>;
}

export interface Approver {
  readonly name: string;
  readonly groups: readonly string[];
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
  const problem = onceEach((...where) => source.add(...where));
  const database = databaseOf(raw.database, problem);
  const reader = new CaseReader({ ...options, raw, source, database, problem });
  const cases = raw.cases.map((one, at) => ({
    name: one.name,
    file,
    ...source.placeOf(['cases', at]),
    target: database.name,
    steps: reader.read(one, ['cases', at]),
  }));
  if (source.isWrong) throw source.error();
  return cases;
}

/** What is wrong with an entity of the file is found again by every case that it is made for. */
function onceEach(problem: Problem): Problem {
  const seen = new Set<string>();
  return (path, message, ...more) => {
    const key = JSON.stringify([path, message]);
    if (seen.has(key)) return;
    seen.add(key);
    problem(path, message, ...more);
  };
}

interface ReaderOptions extends TestFileOptions {
  readonly raw: RawFile;
  readonly source: YamlSource;
  readonly database: Database;
  readonly problem: Problem;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const durationMs = (text: string): number =>
  Number(text.slice(0, -1)) * (UNIT_MS[text.slice(-1)] ?? 0);

const ONCE = { after: '0s', repeat: 1, outcome: 'executed', rows: 0, bytes: 0 } as const;

class CaseReader {
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  read(one: RawCase, path: Path): TestStep[] {
    const { problem } = this.#options;
    const { name: _, env, at, steps, ...own } = one;
    let nowMs = Date.parse(at);
    if (steps === undefined) {
      if (own.expect === undefined) problem(path, 'expect is missing');
      return this.#step({ ...own, ...ONCE }, path, { env, nowMs });
    }
    const stray = (['sql', 'action', 'on', 'expect'] as const).find(
      (key) => own[key] !== undefined,
    );
    if (stray !== undefined) problem(path, `${stray} stands in a step`, undefined, stray);
    if (steps.every(({ expect }) => expect === undefined))
      problem(path, 'no step expects anything');
    return steps.flatMap((step, index) => {
      nowMs += durationMs(step.after);
      const as = step.as ?? own.as;
      const whole = { ...step, ...(as === undefined ? {} : { as }) };
      return this.#step(whole, [...path, 'steps', index], { env, nowMs });
    });
  }

  #step(step: RawStep, path: Path, when: Pick<RawCase, 'env'> & { readonly nowMs: number }) {
    const { raw, source, schema, parse, database, problem } = this.#options;
    const { env, nowMs } = when;
    const { principals, entities: declared } = raw;
    // Of each action its own: what one case says of an entity is nothing to the next.
    const entities = new Entities({ schema, env, principals, declared, problem });
    const world = { schema, parse, database, principals, entities, env, nowMs };
    const doing = doingOf(step, path, world);
    const { expect, spares, repeat, outcome, rows, bytes } = step;
    const expected = expect && expectationOf(expect, [...path, 'expect'], problem);
    const approved = this.#approvers(step, path);
    if (doing === undefined) return [];
    const made: TestStep = {
      ...source.placeOf(path),
      doing,
      atMs: nowMs,
      repeat,
      ...(expected ? { expected } : {}),
      spares: listOf(spares),
      approved,
      outcome: { outcome, rows, bytes },
    };
    return [made];
  }

  #approvers({ approved }: RawAct, path: Path): Approver[] {
    const { raw, problem } = this.#options;
    const people = Object.entries(raw.principals).filter(([, { type }]) => type === 'human');
    return listOf(approved).flatMap((name) => {
      const found = people.find(([known]) => known === name);
      if (found) return [{ name, groups: found[1].groups }];
      const known = people.map(([one]) => one);
      const meant = nearest(name, known);
      problem(
        [...path, 'approved'],
        `principals has no human ${JSON.stringify(name)}`,
        meant ? `did you mean ${meant}?` : `known are ${known.join(', ')}`,
      );
      return [];
    });
  }
}

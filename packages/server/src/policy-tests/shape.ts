/** The shape of NAME.test.yaml, the cases beside the policies. Unknown keys are errors; docs/policies.md explains it. */
import { z } from 'zod';
import type { KnownKeys } from '../config/source.ts';

const names = z.union([z.string(), z.array(z.string())], {
  error: 'must be a name or a list of them',
});
const strings = z.array(z.string());

/** One column, or several that are unique together. */
const tableShape = z.strictObject({
  columns: strings,
  key: names.optional(),
  rows: z.int().min(0).optional(),
  kind: z.enum(['table', 'partitioned', 'view', 'matview', 'foreign', 'sequence']).default('table'),
  of: strings.default([]),
});

const databaseShape = z.strictObject({
  name: z.string().default('shop'),
  tables: z
    .record(
      z.string(),
      z.union([strings, tableShape], {
        error: 'must be a list of columns, or { columns, key, rows, kind, of }',
      }),
    )
    .default({}),
  classes: z.record(z.string(), strings).default({}),
  routines: z
    .record(
      z.string(),
      z.strictObject({
        volatility: z.enum(['immutable', 'stable', 'volatile', 'unknown']).default('volatile'),
        definerRights: z.boolean().default(false),
      }),
    )
    .default({}),
});

const principalShape = z.strictObject({
  type: z.enum(['human', 'service', 'agent']),
  groups: strings.default([]),
  roles: strings.default([]),
  /** Name of the person for whom it acts. */
  for: z.string().optional(),
});

const facts = z.record(z.string(), z.unknown());

const entityShape = z.strictObject({
  uid: z.string(),
  in: names.optional(),
  attrs: facts.default({}),
  tags: facts.default({}),
});

const expectShape = z.union(
  [
    z.string(),
    z.strictObject({
      verdict: z.enum(['allow', 'hold', 'deny']).optional(),
      code: z.string().optional(),
      by: names.optional(),
      message: z.string().optional(),
      hint: z.string().optional(),
      obligations: z.array(facts).optional(),
    }),
  ],
  {
    error: 'must be such as "deny by POLICY", or { verdict, code, by, message, hint, obligations }',
  },
);

/** What somebody is about to do, and what has to come of it. */
const actShape = z.strictObject({
  as: z.string().optional(),
  sql: z.string().optional(),
  action: z.string().optional(),
  on: z
    .union([z.string(), entityShape], { error: 'must be TYPE::"ID", or { uid, in, attrs, tags }' })
    .optional(),
  facts: facts.default({}),
  /** People who approved exactly this. */
  approved: names.default([]),
  expect: expectShape.optional(),
  spares: names.default([]),
});

export const REPEAT_MAX = 10_000;

/** One of several actions of a case: what was done before is what the next one is decided on. */
const stepShape = actShape.extend({
  /** Since the step before. */
  after: z
    .string()
    .regex(/^\d{1,6}[smhd]$/, 'must be such as 10s, 5m, 8h or 1d')
    .default('0s'),
  repeat: z.int().min(1).max(REPEAT_MAX).default(1),
  /** What became of it where it is allowed; `skipped` never reached the target. */
  outcome: z.enum(['executed', 'failed', 'skipped']).default('executed'),
  rows: z.int().min(0).default(0),
  bytes: z.int().min(0).default(0),
});

const caseShape = actShape.extend({
  name: z.string().min(1),
  env: z.enum(['dev', 'test', 'staging', 'prod']).default('prod'),
  at: z.iso.datetime().default('2026-11-25T12:00:00Z'),
  steps: z.array(stepShape).min(1).optional(),
});

export const fileShape = z.strictObject({
  database: databaseShape.default({ name: 'shop', tables: {}, classes: {}, routines: {} }),
  principals: z.record(z.string(), principalShape).default({}),
  entities: z.array(entityShape).default([]),
  cases: z.array(caseShape).min(1, 'must hold at least one case'),
});

export type RawFile = z.infer<typeof fileShape>;
export type RawDatabase = RawFile['database'];
export type RawPrincipal = RawFile['principals'][string];
export type RawEntity = RawFile['entities'][number];
export type RawCase = RawFile['cases'][number];
export type RawAct = z.infer<typeof actShape>;
/** What somebody does, without what is to come of it. */
export type RawDoing = Pick<RawAct, 'as' | 'sql' | 'action' | 'on' | 'facts'>;
export type RawStep = z.infer<typeof stepShape>;
export type RawExpectation = Exclude<NonNullable<RawAct['expect']>, string>;

const keys = (shape: { readonly shape: object }): readonly string[] => Object.keys(shape.shape);

/** Names that are known at a path, for "did you mean". */
export const fileKeys: KnownKeys = ([top, , below, , inStep]) => {
  switch (top) {
    case undefined:
      return keys(fileShape);
    case 'database':
      return below === undefined ? keys(databaseShape) : keys(tableShape);
    case 'principals':
      return keys(principalShape);
    case 'entities':
      return keys(entityShape);
    default:
      return below === 'steps' && inStep === undefined ? keys(stepShape) : keys(caseShape);
  }
};

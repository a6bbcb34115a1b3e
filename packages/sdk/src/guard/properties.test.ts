/**
 * decision.md, Properties to test: random policy sets and actions, with plain Cedar over the untouched
 * policies as the oracle.
 */
import {
  preparsePolicySet,
  preparseSchema,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs';
import { entitiesFromJson, entitiesToJson, recordFromJson, valueToJson } from '@sealrail/cedar';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { actionOf, type SqlCase, setOf } from '../../testing/sql.ts';
import { CODES } from './decide.ts';
import type { Action, Decision, Obligation } from './decision.ts';
import { InputsTaken, inputsFrom, type JudgeInputs, NO_INPUTS } from './inputs.ts';
import { judge } from './judge.ts';
import { schemaText } from './schema.ts';

const RUNS = Number(process.env.SEALRAIL_PROPERTY_RUNS ?? 25);

const ACTIONS = [
  'in Action::"sql.any"',
  '== Action::"sql.delete"',
  '== Action::"sql.select"',
  'in [Action::"sql.select", Action::"sql.update"]',
];
const CONDITIONS = [
  'context.sql.scope == Scope::"none"',
  'context.sql.scope == Scope::"loose"',
  'context.sql.risks.contains(SqlRisk::"drop")',
  'principal in Group::"writers"',
  'principal is Agent',
  'resource in Env::"prod"',
  'context.access.shownClasses.contains("personal")',
  'context.sql.literals + 9223372036854775807 > 0',
];
const UNLESS = [
  '@unless("approved") @approvers("dba") @quorum("1") @ttl("1h")',
  '@unless("within-rate") @rate("10/1m") @key("principal")',
  '@unless("within-rate") @rate("2/1m") @key("principal") @cost("context.sql.literals - 1")',
  '@unless("masked") @classes("personal,health") @with("hash")',
  '@unless("masked") @classes("personal") @with("null")',
  '@unless("limited") @rows("100")',
  '@unless("limited") @rows("10") @bytes("9000")',
  '@unless("tainted") @labels("personal") @ttl("1h")',
  '@unless("tainted") @labels("personal,secret") @ttl("2h")',
];

interface MadePolicy {
  readonly effect: 'permit' | 'forbid';
  readonly unless: string;
  readonly action: string;
  readonly condition: string;
}
const policy: fc.Arbitrary<MadePolicy> = fc.record({
  effect: fc.constantFrom('permit', 'forbid'),
  unless: fc.oneof(fc.constant(''), fc.constantFrom(...UNLESS)),
  action: fc.constantFrom(...ACTIONS),
  condition: fc.constantFrom('true', ...CONDITIONS),
});
const forbid = policy.map((made) => ({ ...made, effect: 'forbid' as const }));
const sqlCase: fc.Arbitrary<SqlCase> = fc.record({
  verb: fc.constantFrom('select', 'delete', 'update'),
  type: fc.constantFrom('Human', 'Agent'),
  groups: fc.constantFrom([], ['writers'], ['writers', 'analysts']),
  scope: fc.constantFrom('none', 'loose', 'key'),
  risks: fc.constantFrom([], ['drop']),
  env: fc.constantFrom('prod', 'dev'),
  literals: fc.constantFrom(0, 1),
  shownClasses: fc.constantFrom([], ['personal']),
  doubts: fc.constantFrom([], [], [], ['dynamic']),
});
/** Requests of one principal, over two tables of one database. */
const action: fc.Arbitrary<Action> = fc.tuple(sqlCase, sqlCase, fc.boolean()).map(([a, b, two]) => {
  const { type = 'Human', groups = [], env = 'prod' } = a;
  return two ? actionOf(a, { ...b, type, groups, env, table: 'orders' }) : actionOf(a);
});

/** The same action, sharing nothing with it. */
const again = ({ requests, entities }: Action): Action => ({
  requests: requests.map((one) => ({
    ...one,
    context: recordFromJson(valueToJson(one.context)),
  })),
  entities: entitiesFromJson(entitiesToJson(entities)),
});

const textOf = ({ effect, unless, action: name, condition }: MadePolicy, at: number): string =>
  `@id("p${at}") @severity("low") @message("m") @hint("h") ${effect === 'forbid' ? unless : ''}
   ${effect} (principal, action ${name}, resource) when { ${condition} };`;

/** How full every rate is, and whether everybody says yes to everything. */
interface MadeInputs {
  readonly used: number;
  readonly isGranted: boolean;
}
const inputs: fc.Arbitrary<MadeInputs> = fc.record({
  used: fc.constantFrom(0, 9, 10),
  isGranted: fc.boolean(),
});
const NOW_MS = Date.UTC(2025, 10, 25, 12);
const inputsOf = ({ used, isGranted }: MadeInputs): JudgeInputs => ({
  ...NO_INPUTS,
  rate: (_policy, limit, _windowMs, cost) => ({
    key: 'agent:a',
    used,
    waitMs: used + cost <= limit ? 0 : 700,
  }),
  approval: {
    nowMs: NOW_MS,
    people: ['human:alice'],
    actionDigest: () => 'digest',
    grants: ({ id, textDigest }) =>
      isGranted
        ? [
            {
              id: `grant of ${id}`,
              actionDigest: 'digest',
              policy: id,
              policyText: textDigest,
              by: 'dora',
              groups: ['dba'],
              requestedBy: [],
              untilMs: NOW_MS + 1,
              used: false,
            },
          ]
        : [],
  },
});

function decideWith(
  texts: readonly string[],
  made: Action,
  given: JudgeInputs = NO_INPUTS,
): Decision {
  const set = setOf(...texts);
  try {
    return judge(set, made, given).decision;
  } finally {
    set.close();
  }
}

/** Plain Cedar, the way it answers by itself: allowed where every request is. */
function plainCedar(texts: readonly string[], made: Action): { allow: boolean; errors: boolean } {
  preparseSchema('oracle', schemaText());
  preparsePolicySet('oracle', { staticPolicies: texts.join('\n') });
  const answers = made.requests.map((request) =>
    statefulIsAuthorized({
      principal: request.principal,
      action: { type: 'Action', id: request.action },
      resource: request.resource,
      context: valueToJson(request.context) as never,
      preparsedSchemaName: 'oracle',
      validateRequest: true,
      preparsedPolicySetId: 'oracle',
      entities: entitiesToJson(made.entities) as never,
    }),
  );
  const responses = answers.map((answer) => {
    if (answer.type === 'failure') throw new Error(answer.errors[0]?.message);
    return answer.response;
  });
  return {
    allow: responses.every(({ decision }) => decision === 'allow'),
    errors: responses.some(({ diagnostics }) => diagnostics.errors.length > 0),
  };
}

const rank = ({ code }: Decision): number => CODES.indexOf(code);
const policies = fc.array(policy, { minLength: 1, maxLength: 6 });

describe('over random policy sets', () => {
  test('P1: what plain Cedar allows we allow, except by rules 0 and 2; and beyond it only what a condition lets through', () => {
    fc.assert(
      fc.property(policies, action, inputs, (made, act, given) => {
        const texts = made.map(textOf);
        const ours = decideWith(texts, act, inputsOf(given));
        const plain = plainCedar(texts, act);
        if (plain.allow) expect(['allowed', 'not-understood', 'policy-error']).toContain(ours.code);
        const conditional = ours.parts.some(({ forbids }) => forbids.length > 0);
        if (ours.code === 'allowed') expect(plain.allow).toBe(!conditional);
        if (ours.code === 'policy-error' && !conditional) expect(plain.errors).toBe(true);
        // A hold or a rate is what plain Cedar forbids: never looser than it.
        if (ours.code === 'needs-approval' || ours.code === 'over-limit')
          expect(plain.allow).toBe(false);
      }),
      { numRuns: RUNS },
    );
  });

  test('P2: one more forbid never softens the verdict, takes no hold away and no obligation', () => {
    fc.assert(
      fc.property(policies, forbid, action, inputs, (made, added, act, given) => {
        const before = decideWith(made.map(textOf), act, inputsOf(given));
        const after = decideWith([...made, added].map(textOf), act, inputsOf(given));
        expect(rank(after)).toBeLessThanOrEqual(rank(before));
        if (after.verdict === 'hold')
          expect(after.holds).toEqual(expect.arrayContaining([...before.holds]));
        if (after.verdict === 'allow')
          for (const one of before.obligations)
            expect(isKept(one, after.obligations), JSON.stringify(one)).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });

  test('P3: the order of policies, files, requests and entities changes nothing', () => {
    fc.assert(
      fc.property(policies, action, inputs, (made, act, given) => {
        const texts = made.map(textOf);
        const { parts, ...decision } = decideWith(texts, act, inputsOf(given));
        const mirror = {
          requests: act.requests.toReversed(),
          entities: act.entities.toReversed(),
        };
        const shuffled = decideWith([texts.toReversed().join('\n')], mirror, inputsOf(given));
        const { parts: mirrored, ...other } = shuffled;
        expect(other).toEqual(decision);
        const unnumbered = (list: typeof parts) => list.map(({ request: _, ...part }) => part);
        expect(unnumbered(mirrored.toReversed())).toEqual(unnumbered(parts));
      }),
      { numRuns: RUNS },
    );
  });

  test('P4: an entity less never turns a denial into an allowance', () => {
    fc.assert(
      fc.property(policies, action, fc.nat(20), (made, act, at) => {
        const texts = made.map(textOf);
        const entities = act.entities.toSpliced(at % act.entities.length, 1);
        const before = decideWith(texts, act);
        const after = decideWith(texts, { ...act, entities });
        expect(rank(after)).toBeLessThanOrEqual(rank(before));
      }),
      { numRuns: RUNS },
    );
  });

  test('P8: what was decided comes out again of what was recorded of it, from a set that was loaded again', () => {
    fc.assert(
      fc.property(policies, action, inputs, (made, act, given) => {
        const texts = made.map(textOf);
        const taken = new InputsTaken(inputsOf(given));
        const decision = decideWith(texts, act, taken);
        const logged = JSON.parse(JSON.stringify({ mode: 'enforce', inputs: taken.logged() }));
        const from = inputsFrom(logged, new Date(NOW_MS).toISOString());
        expect(decideWith(texts, again(act), from)).toEqual(decision);
      }),
      { numRuns: RUNS },
    );
  });
});

/** True where what was asked for is still asked for, or something stronger is. */
function isKept(one: Obligation, after: readonly Obligation[]): boolean {
  const sameKind = after.filter(({ kind }) => kind === one.kind);
  const on = (resource: object) =>
    sameKind.filter(
      (other) => 'resource' in other && JSON.stringify(other.resource) === JSON.stringify(resource),
    );
  switch (one.kind) {
    case 'mask':
      return one.classes.every((name) =>
        on(one.resource).some(
          (other) =>
            other.kind === 'mask' &&
            other.classes.includes(name) &&
            METHODS.indexOf(other.method) <= METHODS.indexOf(one.method),
        ),
      );
    case 'limit':
      return on(one.resource).some(
        (other) =>
          other.kind === 'limit' &&
          (one.rows === undefined || (other.rows ?? Number.POSITIVE_INFINITY) <= one.rows) &&
          (one.bytes === undefined || (other.bytes ?? Number.POSITIVE_INFINITY) <= one.bytes),
      );
    case 'taint':
      return one.labels.every((label) =>
        sameKind.some(
          (other) =>
            other.kind === 'taint' && other.labels.includes(label) && other.ttlMs >= one.ttlMs,
        ),
      );
  }
}
const METHODS = ['null', 'constant', 'hash', 'partial'];

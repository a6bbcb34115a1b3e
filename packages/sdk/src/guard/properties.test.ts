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
import type { Action, Decision } from './decision.ts';
import { NO_INPUTS } from './inputs.ts';
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
const UNLESS = '@unless("approved") @approvers("dba") @quorum("1") @ttl("1h")';

interface MadePolicy {
  readonly effect: 'permit' | 'forbid';
  readonly unless: boolean;
  readonly action: string;
  readonly condition: string;
}
const policy: fc.Arbitrary<MadePolicy> = fc.record({
  effect: fc.constantFrom('permit', 'forbid'),
  unless: fc.boolean(),
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
  `@id("p${at}") @severity("low") @message("m") @hint("h") ${unless && effect === 'forbid' ? UNLESS : ''}
   ${effect} (principal, action ${name}, resource) when { ${condition} };`;

function decideWith(texts: readonly string[], made: Action): Decision {
  const set = setOf(...texts);
  try {
    return judge(set, made, NO_INPUTS).decision;
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
  test('P1: what plain Cedar allows we allow, except by rules 0 and 2; and we allow nothing beyond it', () => {
    fc.assert(
      fc.property(policies, action, (made, act) => {
        const texts = made.map(textOf);
        const ours = decideWith(texts, act);
        const plain = plainCedar(texts, act);
        if (plain.allow) expect(['allowed', 'not-understood', 'policy-error']).toContain(ours.code);
        if (ours.code === 'allowed') expect(plain.allow).toBe(true);
        if (ours.code === 'policy-error') expect(plain.errors).toBe(true);
        // A hold is what plain Cedar forbids: never looser than it.
        if (ours.code === 'needs-approval') expect(plain.allow).toBe(false);
      }),
      { numRuns: RUNS },
    );
  });

  test('P2: one more forbid never softens the verdict and never takes a hold away', () => {
    fc.assert(
      fc.property(policies, forbid, action, (made, added, act) => {
        const before = decideWith(made.map(textOf), act);
        const after = decideWith([...made, added].map(textOf), act);
        expect(rank(after)).toBeLessThanOrEqual(rank(before));
        if (after.verdict === 'hold')
          expect(after.holds).toEqual(expect.arrayContaining([...before.holds]));
      }),
      { numRuns: RUNS },
    );
  });

  test('P3: the order of policies, files, requests and entities changes nothing', () => {
    fc.assert(
      fc.property(policies, action, (made, act) => {
        const texts = made.map(textOf);
        const { parts, ...decision } = decideWith(texts, act);
        const shuffled = decideWith([texts.toReversed().join('\n')], {
          requests: act.requests.toReversed(),
          entities: act.entities.toReversed(),
        });
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

  test('P8: the same inputs give the same decision, also from a set that was loaded again', () => {
    fc.assert(
      fc.property(policies, action, (made, act) => {
        const texts = made.map(textOf);
        expect(decideWith(texts, again(act))).toEqual(decideWith(texts, act));
      }),
      { numRuns: RUNS },
    );
  });
});

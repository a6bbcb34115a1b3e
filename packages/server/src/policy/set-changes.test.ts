/** A loosening that passes as something harmless is the way around "loosening needs another person". */
import {
  actionReaches,
  judge,
  loadPolicySet,
  NO_INPUTS,
  type PolicySet,
  resolvedSchema,
  schemaText,
  type Verdict,
} from '@sealrail/sdk';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { actionOf, policyInfo, type SqlCase } from '../../../sdk/testing/sql.ts';
import { compareSets } from './set-changes.ts';

const actions = actionReaches(resolvedSchema(schemaText()));

const SAY = '@severity("low") @message("m") @hint("h")';
function setOf(...policies: readonly string[]): PolicySet {
  const text = policies.map((one) => `${SAY} ${one}`).join('\n');
  const set = loadPolicySet([{ name: 'a.cedar', text }], schemaText());
  if (Array.isArray(set)) throw new Error(JSON.stringify(set));
  return set;
}

function compare(before: readonly string[], after: readonly string[]) {
  const [from, to] = [setOf(...before), setOf(...after)];
  const found = compareSets(from.policies, to.policies, actions);
  from.close();
  to.close();
  return found;
}

const SCOPE = 'principal, action in Action::"sql.any", resource';
const one = (policy: string): string => `@id("p") ${policy}`;

type Row = readonly [name: string, before: string, after: string];
const held = (more: string): string =>
  one(`@unless("approved") ${more} forbid (${SCOPE}) when { context.sql.literals > 5 };`);
const LOOSENING: readonly Row[] = [
  ['a permit for a forbid', `forbid (${SCOPE});`, `permit (${SCOPE});`],
  [
    'a condition on a forbid',
    `forbid (${SCOPE});`,
    `forbid (${SCOPE}) when { context.sql.crossJoin };`,
  ],
  [
    'an exception to a forbid',
    `forbid (${SCOPE});`,
    `forbid (${SCOPE}) unless { principal is Human };`,
  ],
  [
    'a narrower scope of a forbid',
    `forbid (${SCOPE});`,
    'forbid (principal, action in [Action::"sql.select"], resource);',
  ],
  [
    'one type of principal',
    `forbid (${SCOPE});`,
    `forbid (${SCOPE.replace('principal', 'principal is Agent')});`,
  ],
  [
    'a wider scope of a permit',
    `permit (${SCOPE.replace('principal', 'principal in Group::"a"')});`,
    `permit (${SCOPE});`,
  ],
  [
    'one group for another',
    `permit (${SCOPE.replace('principal', 'principal in Group::"a"')});`,
    `permit (${SCOPE.replace('principal', 'principal in Group::"b"')});`,
  ],
  [
    'a permit without its condition',
    `permit (${SCOPE}) when { context.sql.readOnly };`,
    `permit (${SCOPE});`,
  ],
  [
    'a higher limit',
    `forbid (${SCOPE}) when { context.sql.literals > 5 };`,
    `forbid (${SCOPE}) when { context.sql.literals > 6 };`,
  ],
  [
    'an alternative less',
    `forbid (${SCOPE}) when { context.sql.crossJoin || context.sql.readOnly };`,
    `forbid (${SCOPE}) when { context.sql.crossJoin };`,
  ],
  [
    'a negated condition',
    `forbid (${SCOPE}) when { context.sql.crossJoin };`,
    `forbid (${SCOPE}) unless { context.sql.crossJoin };`,
  ],
];
const PARAMETERS: readonly Row[] = [
  [
    'softening',
    one(`forbid (${SCOPE}) when { context.sql.literals > 5 };`),
    held('@approvers("a") @quorum("2") @ttl("1h")'),
  ],
  [
    'a lower quorum',
    held('@approvers("a") @quorum("2") @ttl("1h")'),
    held('@approvers("a") @quorum("1") @ttl("1h")'),
  ],
  [
    'a longer grant',
    held('@approvers("a") @quorum("2") @ttl("1h")'),
    held('@approvers("a") @quorum("2") @ttl("61m")'),
  ],
  [
    'other approvers',
    held('@approvers("a") @quorum("2") @ttl("1h")'),
    held('@approvers("b") @quorum("2") @ttl("1h")'),
  ],
];
const TIGHTENING: readonly Row[] = [
  [
    'standing alone',
    held('@approvers("a") @quorum("2") @ttl("1h")'),
    one(`forbid (${SCOPE}) when { context.sql.literals > 5 };`),
  ],
  [
    'a shorter grant',
    held('@approvers("a") @quorum("2") @ttl("1h")'),
    held('@approvers("a") @quorum("2") @ttl("60s")'),
  ],
  [
    'a lower limit',
    one(`forbid (${SCOPE}) when { context.sql.literals > 5 };`),
    one(`forbid (${SCOPE}) when { context.sql.literals > 4 };`),
  ],
  [
    'one more alternative',
    one(`forbid (${SCOPE}) when { context.sql.crossJoin };`),
    one(`forbid (${SCOPE}) when { context.sql.crossJoin || context.sql.readOnly };`),
  ],
  [
    'one condition more on a permit',
    one(`permit (${SCOPE});`),
    one(`permit (${SCOPE}) when { context.sql.readOnly };`),
  ],
];

describe('loosening', () => {
  test.each(LOOSENING)('is %s', (_name, before, after) => {
    expect(compare([one(before)], [one(after)])).toMatchObject({
      loosens: true,
      changes: [{ id: 'p', change: 'changed' }],
    });
  });
  test.each(PARAMETERS)('is %s', (_name, before, after) => {
    expect(compare([before], [after]).loosens).toBe(true);
  });
  test.each(TIGHTENING)('is not %s', (_name, before, after) => {
    const { changes, loosens } = compare([before], [after]);
    expect({ loosens, changes }).toMatchObject({ loosens: false, changes: [{ loosens: [] }] });
    expect(changes[0]?.tightens.length).toBeGreaterThan(0);
    expect(compare([after], [before]).loosens).toBe(true);
  });

  test('is a forbid that goes and a permit that comes, not the other way round', () => {
    const [permit, forbid] = [`@id("p") permit (${SCOPE});`, `@id("f") forbid (${SCOPE});`];
    expect(compare([permit, forbid], [permit]).changes).toMatchObject([
      { id: 'f', change: 'removed', loosens: ['removes a forbid'] },
    ]);
    expect(compare([forbid], [permit, forbid]).loosens).toBe(true);
    expect(compare([permit, forbid], [forbid]).loosens).toBe(false);
    expect(compare([permit], [permit, forbid]).loosens).toBe(false);
  });

  test('is nothing of layout, comments, messages and another name of the same condition', () => {
    const before = `forbid (${SCOPE}) when { !context.sql.crossJoin };`;
    const after = `forbid (\n${SCOPE}) // why\n unless { context.sql.crossJoin };`;
    expect(compare([one(before)], [one(before.replace(' when', '\n// x\n when'))]).changes).toEqual(
      [],
    );
    expect(compare([one(before)], [one(after)])).toMatchObject({
      loosens: false,
      changes: [{ loosens: [], tightens: [] }],
    });
  });

  test('dropping a part that may err from a forbid is loosening: where it erred, it stopped', () => {
    const sum = 'context.sql.literals + context.sql.parameters > 5';
    const before = `forbid (${SCOPE}) when { ${sum} && context.sql.crossJoin };`;
    const after = `forbid (${SCOPE}) when { context.sql.crossJoin };`;
    expect(compare([one(before)], [one(after)]).loosens).toBe(true);
  });
});

// -------------------------------------------------------------- against what is really decided

const principal = fc.constantFrom(
  'principal',
  'principal is Human',
  'principal is Agent',
  'principal in Group::"a"',
  'principal is Human in Group::"a"',
  'principal == Human::"alice"',
);
const action = fc.constantFrom(
  'action in Action::"sql.any"',
  'action == Action::"sql.select"',
  'action in [Action::"sql.select", Action::"sql.delete"]',
  'action in [Action::"sql.delete"]',
);
const resource = fc.constantFrom('resource', 'resource is Table', 'resource in Env::"prod"');
const atom = fc.constantFrom(
  'context.sql.readOnly',
  'context.sql.scope == Scope::"none"',
  'context.sql.literals > 1',
  'context.sql.literals > 3',
  'context.sql.risks.contains(SqlRisk::"drop")',
  'principal in Group::"b"',
  'context.sql.literals + 9223372036854775806 > 1',
);
const clause = fc.oneof(
  atom,
  fc.tuple(atom, atom).map(([a, b]) => `${a} || ${b}`),
  fc.tuple(atom, atom).map(([a, b]) => `!(${a}) && ${b}`),
);
const condition = fc
  .tuple(fc.constantFrom('when', 'unless'), clause)
  .map(([kind, text]) => `${kind} { ${text} }`);
const policy = fc
  .tuple(
    fc.constantFrom('permit', 'forbid'),
    principal,
    action,
    resource,
    fc.array(condition, { maxLength: 2 }),
  )
  .map(([effect, p, a, r, conditions]) => `${effect} (${p}, ${a}, ${r}) ${conditions.join(' ')};`);
const policySet = fc
  .array(fc.tuple(fc.constantFrom('p', 'q', 'r'), policy), { minLength: 1, maxLength: 3 })
  .map((all) => [...new Map(all)].map(([id, text]) => `@id("${id}") ${text}`));

const asked: fc.Arbitrary<SqlCase> = fc.record({
  type: fc.constantFrom('Human', 'Service', 'Agent'),
  id: fc.constantFrom('alice', 'bob'),
  groups: fc.subarray(['a', 'b']),
  verb: fc.constantFrom('select', 'delete'),
  env: fc.constantFrom('prod', 'dev'),
  scope: fc.constantFrom('none', 'key'),
  risks: fc.subarray(['drop']),
  readOnly: fc.boolean(),
  literals: fc.constantFrom(0, 1, 2, 4),
});
const infoOf = (text: string) => {
  const [, id = '', effect = ''] = /^@id\("(\w)"\) (permit|forbid)/.exec(text) ?? [];
  return policyInfo(id, { effect: effect === 'permit' ? 'permit' : 'forbid', text });
};
/** A condition that can never hold does not load: there is no such set. */
function tryLoad(policies: readonly string[]): PolicySet | undefined {
  try {
    return setOf(...policies);
  } catch {
    return undefined;
  }
}
const RANK: Readonly<Record<Verdict, number>> = { deny: 0, hold: 1, allow: 2 };

describe('a change that is not called loosening', () => {
  test('lets nothing pass that was stopped before', () => {
    let quiet = 0;
    const cases = fc.array(asked, { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(policySet, policySet, cases, (a, b, asks) => {
        // Loading takes a thousand times as long as looking: only what is not called loosening is loaded.
        if (compareSets(a.map(infoOf), b.map(infoOf), actions).loosens) return;
        const sets = [a, b].map((policies) => tryLoad(policies));
        const [before, after] = sets;
        if (before && after) {
          quiet++;
          for (const one of asks) {
            const [from, to] = [before, after].map((set) => judge(set, actionOf(one), NO_INPUTS));
            if (!from || !to) throw new Error('nothing was decided');
            expect(RANK[to.decision.verdict]).toBeLessThanOrEqual(RANK[from.decision.verdict]);
          }
        }
        for (const set of sets) set?.close();
      }),
      { numRuns: 400 },
    );
    expect(quiet).toBeGreaterThan(10);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { recorderForTest } from '../../testing/recorder.ts';
import { actionOf, type SqlCase, setOf } from '../../testing/sql.ts';
import type { DecisionFields, Entry, FindingFields } from '../entry/entry.ts';
import type { Act } from './guard.ts';
import { openGuard } from './open-guard.ts';
import { SHADOW_QUEUE_MAX, withShadow } from './shadow.ts';

const say = (id: string) => `@id("${id}") @severity("low") @message("m") @hint("h")`;
const ENFORCED = `${say('all')} permit (principal, action in Action::"sql.any", resource);
${say('drop')} forbid (principal, action, resource) when { action == Action::"sql.ddl" };`;
const SHADOWS = [
  `${say('shadow')} forbid (principal, action == Action::"sql.delete", resource);`,
  `${say('shadow')} permit (principal, action, resource);`,
  `${say('shadow')} forbid (principal, action in Action::"sql.any", resource) when { context.sql.literals + 9223372036854775807 > 0 };`,
  `${say('shadow')} @unless("approved") @approvers("dba") @quorum("1") @ttl("1h") forbid (principal, action == Action::"sql.update", resource);`,
  `${say('shadow')} @unless("within-rate") @rate("1/1h") @key("principal") forbid (principal, action in Action::"sql.any", resource);`,
];

const actOf = (one: SqlCase): Act => ({
  action: actionOf(one),
  target: 'shop',
  mode: 'enforce',
  principal: { type: 'human', id: 'alice', proof: 'scram' },
  session: 's1',
  resources: [],
  values: [],
  facts: {},
  meta: {},
});

function world(shadow?: string) {
  const { log, recorder } = recorderForTest();
  const set = setOf(ENFORCED);
  const policySet = shadow === undefined ? set : withShadow(set, setOf(ENFORCED, shadow));
  const guard = openGuard({ recorder, policySet });
  const entries = (): Entry[] => log.entries.map((_, index) => log.read(index));
  return {
    guard,
    log,
    decisions: () => entries().filter((one) => one.kind === 'decision'),
    findings: () => entries().filter((one): one is Entry & FindingFields => one.kind === 'finding'),
  };
}
const turns = async () => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};

describe('shadow policies', () => {
  test('P6: change nothing but what is said of the shadow, errors included', async () => {
    const cases = fc.array(
      fc.record({
        verb: fc.constantFrom('select', 'delete', 'update', 'ddl'),
        literals: fc.constantFrom(0, 1),
      }),
      { minLength: 1, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...SHADOWS), cases, async (shadow, made) => {
        const [plain, shadowed] = [world(), world(shadow)];
        for (const one of made) {
          const act = actOf(one);
          const [a, b] = [plain.guard.decide(act), shadowed.guard.decide(act)];
          expect({ ...b, decisionId: '', durable: 0, denial: 0 }).toEqual({
            ...a,
            decisionId: '',
            durable: 0,
            denial: 0,
          });
          await Promise.all([a.durable, b.durable]);
        }
        await turns();
        const said = (entry: Entry) => (entry as Entry & DecisionFields).decision;
        expect(shadowed.decisions().map(said)).toEqual(plain.decisions().map(said));
        expect(plain.findings()).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  test('say in an entry of their own what would have been otherwise, and nothing where it would not', async () => {
    const { guard, decisions, findings } = world(SHADOWS[0]);
    for (const verb of ['delete', 'select', 'ddl']) await guard.decide(actOf({ verb })).durable;
    await turns();
    expect(findings()).toMatchObject([
      {
        rule: 'shadow',
        severity: 'info',
        about: [decisions()[0]?.id],
        message: 'allow, and with the shadow policies deny (forbidden) by shadow',
        shadow: { verdict: 'deny', code: 'forbidden', determining: ['shadow'] },
        principal: { id: 'alice' },
      },
    ]);
  });

  test('of a decision that never was durable nothing is said', async () => {
    const { guard, log, findings } = world(SHADOWS[0]);
    log.refuse = new Error('disk full');
    await expect(guard.decide(actOf({ verb: 'delete' })).durable).rejects.toThrow();
    log.refuse = undefined;
    await turns();
    expect(findings()).toEqual([]);
  });

  test('beyond the bound are passed over, which the next finding says', async () => {
    const { guard, findings } = world(SHADOWS[0]);
    const many = Array.from({ length: SHADOW_QUEUE_MAX + 7 }, () =>
      guard.decide(actOf({ verb: 'delete' })),
    );
    await Promise.all(many.map(({ durable }) => durable));
    while (findings().length < SHADOW_QUEUE_MAX) await turns();
    expect(findings()).toHaveLength(SHADOW_QUEUE_MAX);
    expect(findings()[0]?.shadow).toMatchObject({ passedOver: 7 });
  });
});

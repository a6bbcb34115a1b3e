/** The guard with its log: what it remembers is what the log says, whatever comes between. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { recorderForTest } from '../../testing/recorder.ts';
import { actionOf, setOf } from '../../testing/sql.ts';
import type { Principal } from '../entry/entry.ts';
import type { Grant } from './grant.ts';
import type { Act, Decided, Guard } from './guard.ts';
import { History } from './history.ts';
import { accountOf, eventOfEntry } from './history-event.ts';
import { type Approvals, openGuard } from './open-guard.ts';

const LIMIT = 7;
const say = (id: string) => `@id("${id}") @severity("low") @message("m") @hint("h")`;
const set = setOf(`
${say('all')} permit (principal, action, resource);
${say('rate')} @unless("within-rate") @rate("${LIMIT}/1m") @key("principal")
forbid (principal is Agent, action in Action::"sql.any", resource);
${say('lockout')} forbid (principal is Agent, action in Action::"any", resource)
when { context.meta.history.denied1m >= 4 };
${say('taint')} @unless("tainted") @labels("seen") @ttl("2m")
forbid (principal, action == Action::"sql.select", resource) when { context.access.shownClasses.contains("personal") };
${say('no-write-after')} forbid (principal, action == Action::"sql.insert", resource)
when { context.meta.history.taints.contains("seen") };
${say('loose')} @unless("approved") @approvers("dba") @quorum("1") @ttl("5m")
forbid (principal, action == Action::"sql.delete", resource);
${say('unscoped')} forbid (principal, action == Action::"sql.update", resource) when { context.sql.scope == Scope::"none" };
`);

const bot = (id: string): Principal => ({ type: 'agent', id, proof: 'token' });
const ann = { type: 'human', id: 'ann', proved: true } as const;

function actOf(verb: string, who: string, more: Partial<Act> = {}): Act {
  const shownClasses = verb === 'select' ? ['personal'] : [];
  const scope = verb === 'update' ? 'none' : 'key';
  return {
    action: actionOf({ verb, type: 'Agent', id: who, scope, shownClasses }),
    target: 'shop',
    mode: 'enforce',
    principal: bot(who),
    ...(who === 'a' ? { onBehalfOf: [ann] } : {}),
    session: 's1',
    resources: [],
    values: [],
    facts: {},
    meta: {},
    ...more,
  };
}

/** A guard over a log whose clock the test moves. */
function world(history = new History(), approvals?: Approvals) {
  let nowUs = 1_764_072_000_000_000n;
  const { log, recorder } = recorderForTest({ clock: () => nowUs++ });
  const guard = openGuard({
    recorder,
    policySet: set,
    history,
    ...(approvals ? { approvals } : {}),
  });
  return {
    log,
    recorder,
    guard,
    history,
    nowMs: () => Number(nowUs / 1000n),
    wait: (ms: number) => {
      nowUs += BigInt(ms) * 1000n;
    },
  };
}

function rebuilt(entries: readonly Uint8Array[]): History {
  const history = new History();
  for (const bytes of entries) {
    const event = eventOfEntry(JSON.parse(Buffer.from(bytes).toString('utf8')));
    if (event) history.apply(event);
  }
  return history;
}

const WHO = ['a', 'b', 'c'];
function everything(history: History, nowMs: number) {
  const accounts = [
    ...WHO.map((who) => accountOf(actOf('select', who))),
    { principal: 'human:ann' },
    { principal: 'agent:new', root: 'human:ann' },
  ];
  return accounts.flatMap((account) =>
    account === undefined
      ? []
      : [
          history.snapshot(account, nowMs),
          history.counted(account, 'rate', { limit: LIMIT, windowMs: 60_000, cost: 1 }, nowMs),
        ],
  );
}

type Step =
  | { readonly kind: 'decide'; readonly verb: string; readonly who: string }
  | {
      readonly kind: 'outcome';
      readonly status: string;
      readonly dispatched: boolean;
      readonly at: number;
    }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'crash' };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('decide' as const),
    verb: fc.constantFrom('select', 'insert', 'update', 'delete'),
    who: fc.constantFrom(...WHO),
  }),
  fc.record({
    kind: fc.constant('outcome' as const),
    status: fc.constantFrom('executed', 'failed', 'skipped', 'unknown'),
    dispatched: fc.boolean(),
    at: fc.nat(5),
  }),
  fc.record({
    kind: fc.constant('wait' as const),
    ms: fc.constantFrom(1, 900, 20_000, 61_000, -30_000),
  }),
  fc.record({ kind: fc.constant('crash' as const) }),
);

async function settle(
  guard: Guard,
  decided: Decided,
  act: Act,
  { status, dispatched }: Extract<Step, { kind: 'outcome' }>,
) {
  const outcome = {
    status: status as 'executed',
    ...(status === 'skipped' && !dispatched ? { dispatched } : {}),
  };
  await guard.outcome({ decisionId: decided.decisionId, outcome, rows: 3, durationUs: 1 }, act);
}

describe('the history', () => {
  test('as it was lived is the history as the log tells it, after every crash and every outcome', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const lived = world();
        let { guard, history } = lived;
        const open: [Decided, Act][] = [];
        for (const one of steps) {
          if (one.kind === 'wait') lived.wait(one.ms);
          if (one.kind === 'decide') {
            const act = actOf(one.verb, one.who);
            const decided = guard.decide(act);
            await decided.durable;
            if (!decided.blocked) open.push([decided, act]);
          }
          if (one.kind === 'outcome') {
            const [found] = open.splice(one.at % Math.max(1, open.length), 1);
            if (found) await settle(guard, found[0], found[1], one);
          }
          const again = rebuilt(lived.log.entries);
          expect(everything(again, lived.nowMs())).toEqual(everything(history, lived.nowMs()));
          if (one.kind === 'crash') {
            // What was in flight has no outcome any more: it stays reserved.
            open.length = 0;
            history = again;
            guard = openGuard({
              recorder: lived.recorder,
              policySet: set,
              history,
            });
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test('P5: of any number of actions at once no more than the limit is allowed, whoever fails in between', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.boolean(), fc.nat(30_000)), { maxLength: 40 }),
        async (tries) => {
          const { guard, nowMs, wait } = world();
          const allowed: number[] = [];
          for (const [fails, ms] of tries) {
            wait(ms);
            const act = actOf('insert', 'b');
            const decided = guard.decide(act);
            if (decided.blocked) continue;
            allowed.push(nowMs());
            const status = fails ? 'failed' : 'executed';
            await settle(guard, decided, act, { kind: 'outcome', status, dispatched: true, at: 0 });
          }
          for (const at of allowed) {
            const within = allowed.filter((other) => other >= at && other < at + 60_000);
            expect(within.length).toBeLessThanOrEqual(LIMIT);
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('a grant', () => {
  const grantOf = (actionDigest: string): Grant => ({
    id: 'g1',
    actionDigest,
    policy: 'loose',
    policyText: set.byId.get('loose')?.textDigest ?? '',
    by: 'dora',
    groups: ['dba'],
    requestedBy: ['agent:b'],
    untilMs: 1_764_072_000_000 + 300_000,
    used: false,
  });
  const approvals: Approvals = {
    grants: (_act, _policy, actionDigest) => [grantOf(actionDigest())],
    used: () => undefined,
  };

  test('P7: is good for one execution, also after a restart, and again where nothing was done', async () => {
    const first = world(new History(), approvals);
    const act = actOf('delete', 'b');
    const decided = first.guard.decide(act);
    expect(decided.decision).toMatchObject({ verdict: 'allow', uses: ['g1'] });
    expect(first.guard.decide(act).decision.verdict).toBe('hold');
    await decided.durable;
    const restarted = world(rebuilt(first.log.entries), approvals);
    expect(restarted.guard.decide(act).decision.verdict).toBe('hold');
    await settle(first.guard, decided, act, {
      kind: 'outcome',
      status: 'skipped',
      dispatched: false,
      at: 0,
    });
    expect(first.guard.decide(act).decision.verdict).toBe('allow');
  });

  test('is not good for any other action, nor for one by another', () => {
    const digests: string[] = [];
    const { guard } = world(new History(), {
      grants: (_act, _policy, digest) => {
        digests.push(digest());
        return [];
      },
      used: () => undefined,
    });
    guard.decide(actOf('delete', 'b'));
    guard.decide(actOf('delete', 'b', { session: 's2' }));
    guard.decide(actOf('delete', 'c'));
    guard.decide(actOf('delete', 'b', { target: 'other' }));
    guard.decide(actOf('delete', 'b', { values: [{ at: '/bytes', value: 'x' }] }));
    expect(new Set(digests).size).toBe(4);
  });

  test('and what it rested on stand in the entry', async () => {
    const { guard, log } = world(new History(), approvals);
    await guard.decide(actOf('delete', 'b')).durable;
    const entry = log.read(0);
    expect(entry).toMatchObject({
      decision: {
        uses: ['g1'],
        reserve: [{ policy: 'rate', key: 'agent:b', cost: 1, windowMs: 60_000 }],
        inputs: {
          rates: [{ policy: 'rate', key: 'agent:b', used: 0, waitMs: 0 }],
          grants: [{ id: 'g1', by: 'dora' }],
          people: ['agent:b'],
        },
      },
    });
  });
});

test('whoever is nobody is not guessed at where decisions depend on the past', () => {
  const { guard } = world();
  const { principal: _, ...anonymous } = actOf('insert', 'b');
  expect(guard.decide(anonymous).decision).toMatchObject({
    code: 'not-understood',
    parts: [{ problem: expect.stringMatching(/history cannot be kept/) }],
  });
});

/** If any of this failed, one yes could let two things happen, or something that nobody said yes to. */
import type { Decided, Entry } from '@sealrail/sdk';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { actOf, approvalsWorld, PEOPLE, POLICIES, person } from '../../testing/approvals-world.ts';
import { OPEN_MAX, OPEN_PER_PRINCIPAL_MAX, PENDING_MS_MAX } from './approvals.ts';
import {
  APPROVED_MS_MAX,
  type ApprovalRequest,
  FINISHED_MAX,
  REFUSAL_STANDS_MS,
  Requests,
  stateAt,
} from './requests.ts';

type World = ReturnType<typeof approvalsWorld>;
const named = (name: string) => PEOPLE.find((one) => one.name === name) ?? person(name, []);

async function decide(world: World, verb: string, who: string, text = 'x'): Promise<Decided> {
  const decided = world.guard.decide(actOf(verb, who, text));
  await decided.durable;
  return decided;
}

/** The id of the one request that it makes. */
async function held(world: World, verb: string, who: string, text = 'x'): Promise<string> {
  const { decision, denial } = await decide(world, verb, who, text);
  expect(decision.verdict).toBe('hold');
  return denial?.requests?.[0] ?? '';
}

async function rule(world: World, ruling: 'grant' | 'refuse', id: string, who: string) {
  return world.store.inTurn(() => world.store[ruling](id, named(who), 'because'));
}

const states = (requests: readonly ApprovalRequest[], nowMs: number) =>
  requests.map((one) => ({ ...one, state: stateAt(one, nowMs) }));

describe('whatever is done in whatever order', () => {
  type Op =
    | { readonly kind: 'act'; readonly verb: string; readonly who: string; readonly text: string }
    | { readonly kind: 'grant' | 'refuse'; readonly who: string; readonly at: number }
    | { readonly kind: 'wait'; readonly ms: number }
    | { readonly kind: 'sweep' | 'restart' | 'edit' };
  const op: fc.Arbitrary<Op> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('act' as const),
        verb: fc.constantFrom('delete', 'delete', 'delete', 'update', 'truncate'),
        who: fc.constantFrom('a', 'a', 'a', 'ann'),
        text: fc.constantFrom('x', 'x', 'x', 'y'),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constantFrom(...Array<'grant'>(9).fill('grant'), 'refuse' as const),
        who: fc.constantFrom('ann', 'bob', 'bob', 'bob', 'cleo', 'eve'),
        at: fc.nat(5),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('wait' as const),
        ms: fc.constantFrom(
          ...Array<number>(9).fill(1_000),
          240_000,
          400_000,
          REFUSAL_STANDS_MS,
          PENDING_MS_MAX,
        ),
      }),
    },
    { weight: 2, arbitrary: fc.constantFrom({ kind: 'sweep' }, { kind: 'restart' }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'edit' }) },
  );

  const RUNS = 40;
  /** Whatever came before: what nobody decided is over in a day, and can be asked, approved and done once. */
  const act = { kind: 'act', verb: 'delete', who: 'a', text: 'x' } as const;
  const YES_AT_LAST: readonly Op[] = [
    { kind: 'wait', ms: PENDING_MS_MAX },
    { kind: 'sweep' },
    act,
    { kind: 'grant', who: 'bob', at: 5 },
    act,
    act,
  ];

  test('P7: one yes, one execution, of what was asked; and the log alone says the same', async () => {
    let executions = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(op, { minLength: 10, maxLength: 60, size: 'max' }), async (ops) => {
        const world = approvalsWorld();
        const decisions: Promise<unknown>[] = [];
        let isEdited = false;
        for (const one of [...ops, ...YES_AT_LAST]) {
          // Nothing is waited for in between, unless it starts anew: steps overtake each other as they can.
          if (one.kind === 'act')
            decisions.push(world.guard.decide(actOf(one.verb, one.who, one.text)).durable);
          else if (one.kind === 'wait') world.wait(one.ms);
          else if (one.kind === 'sweep') decisions.push(world.store.sweep());
          else if (one.kind === 'grant' || one.kind === 'refuse') {
            // Mostly what is there is decided on, sometimes in the same moment by two.
            if (one.at > 1) await Promise.all(decisions);
            const all = world.store.all();
            const pending = all.filter(({ state }) => state === 'pending');
            const from = one.at === 0 || pending.length === 0 ? all : pending;
            const request = from[one.at % Math.max(1, from.length)];
            if (request) decisions.push(rule(world, one.kind, request.id, one.who));
            if (one.at > 2) await Promise.all(decisions);
          } else {
            await Promise.all(decisions);
            if (one.kind === 'restart') world.restart();
            else {
              isEdited = !isEdited;
              await world.replace(isEdited ? POLICIES.replace('m of one', 'other') : POLICIES);
            }
          }
        }
        await Promise.all(decisions);
        executions += check(world.entries());
        const nowMs = world.nowMs();
        expect(states(world.rebuilt().all(), nowMs)).toEqual(states(world.store.all(), nowMs));
      }),
      { numRuns: RUNS },
    );
    expect(executions).toBeGreaterThanOrEqual(RUNS);
  });

  /** From the entries alone, by rules of its own. Counts what was let through. */
  function check(entries: readonly Entry[]): number {
    const asked = new Map<string, { entry: Entry & { kind: 'approval' }; grants: Entry[] }>();
    const byGrant = new Map<string, string>();
    const used = new Set<string>();
    let executions = 0;
    for (const entry of entries) {
      if (entry.kind === 'approval') {
        if (entry.step === 'request') asked.set(entry.request, { entry, grants: [] });
        if (entry.step !== 'grant') continue;
        const request = asked.get(entry.request);
        const { principal: by } = entry;
        expect(request).toBeDefined();
        const people = [
          request?.entry.principal?.id,
          ...(request?.entry.onBehalfOf ?? []).map(({ id }) => id),
        ];
        expect(people).not.toContain(by?.id);
        expect(request?.grants.map(({ principal }) => principal?.id)).not.toContain(by?.id);
        expect(named(by?.id ?? '').groups).toContain(request?.entry.asks?.approvers);
        request?.grants.push(entry);
        byGrant.set(entry.id, entry.request);
      } else if (entry.kind === 'decision' && entry.decision.verdict === 'allow') {
        const { uses = [] } = entry.decision;
        expect(uses.length).toBeGreaterThan(0);
        executions++;
        for (const grant of uses) {
          expect(used.has(grant)).toBe(false);
          used.add(grant);
          const request = asked.get(byGrant.get(grant) ?? '');
          const { asks, principal } = request?.entry ?? {};
          expect(principal).toEqual(entry.principal);
          expect(asks?.statement).toBe(entry.statement);
          expect(request?.grants.length).toBe(asks?.quorum);
          const lastMs = Math.max(...(request?.grants ?? []).map(({ time }) => Date.parse(time)));
          expect(Date.parse(entry.time) - lastMs).toBeLessThanOrEqual(asks?.ttlMs ?? 0);
        }
      }
    }
    return executions;
  }
});

describe('a request', () => {
  test('is held until every policy that asks has its yes', async () => {
    const world = approvalsWorld();
    const { denial, decision } = await decide(world, 'truncate', 'b');
    expect(decision.holds).toEqual(['both', 'two']);
    const [both = '', two = ''] = denial?.requests ?? [];
    await rule(world, 'grant', both, 'ann');
    await rule(world, 'grant', two, 'ann');
    expect((await decide(world, 'truncate', 'b')).decision.holds).toEqual(['two']);
    await rule(world, 'grant', two, 'cleo');
    expect((await decide(world, 'truncate', 'b')).decision.verdict).toBe('allow');
    expect((await decide(world, 'truncate', 'b')).decision.verdict).toBe('hold');
  });

  test('waits for a day and no longer, and its approval is good from the yes on', async () => {
    const world = approvalsWorld();
    const id = await held(world, 'delete', 'b');
    world.wait(PENDING_MS_MAX - 60_000);
    expect(await rule(world, 'grant', id, 'bob')).toMatchObject({ kind: 'done' });
    world.wait(4 * 60_000);
    expect((await decide(world, 'delete', 'b')).decision.verdict).toBe('allow');
    const late = await held(world, 'delete', 'b');
    world.wait(PENDING_MS_MAX);
    expect(await rule(world, 'grant', late, 'bob')).toEqual({
      kind: 'refused',
      why: 'not-pending',
    });
    await world.store.sweep();
    expect(world.entries().at(-1)).toMatchObject({
      kind: 'approval',
      step: 'expiry',
      request: late,
    });
    const third = await held(world, 'delete', 'b');
    await rule(world, 'grant', third, 'bob');
    world.wait(5 * 60_000);
    expect((await decide(world, 'delete', 'b')).decision.verdict).toBe('hold');
  });

  test('is decided by people of the group who did not ask, for themselves or through an agent', async () => {
    const world = approvalsWorld();
    const own = await held(world, 'delete', 'ann');
    const agents = await held(world, 'delete', 'a');
    expect(await rule(world, 'grant', own, 'ann')).toEqual({ kind: 'refused', why: 'own-request' });
    expect(await rule(world, 'grant', agents, 'ann')).toEqual({
      kind: 'refused',
      why: 'own-request',
    });
    expect(await rule(world, 'grant', own, 'cleo')).toEqual({
      kind: 'refused',
      why: 'not-an-approver',
    });
    expect(await rule(world, 'refuse', own, 'eve')).toEqual({
      kind: 'refused',
      why: 'not-an-approver',
    });
    // What an agent asked in her name she cannot withdraw in its name either.
    expect(await rule(world, 'refuse', agents, 'ann')).toMatchObject({
      kind: 'done',
      request: { state: 'cancelled' },
    });
    expect(await rule(world, 'refuse', own, 'ann')).toMatchObject({
      request: { state: 'cancelled' },
    });
    const robot = { ...person('robot', ['dba']), type: 'agent' as const };
    const other = await held(world, 'delete', 'b');
    expect(await world.store.grant(other, robot, 'x')).toEqual({
      kind: 'refused',
      why: 'not-a-person',
    });
  });

  test('whose approver has left the group since is held again, and can be asked for anew', async () => {
    const world = approvalsWorld();
    const id = await held(world, 'delete', 'b');
    await rule(world, 'grant', id, 'bob');
    world.people.splice(0, world.people.length, ...PEOPLE.filter(({ name }) => name !== 'bob'));
    const again = await held(world, 'delete', 'b');
    expect(again).not.toBe(id);
    expect(world.store.get(id)).toMatchObject({ state: 'cancelled' });
    await rule(world, 'grant', again, 'ann');
    expect((await decide(world, 'delete', 'b')).decision.verdict).toBe('allow');
  });

  test('under a policy that reads otherwise now is void, approved or not', async () => {
    const world = approvalsWorld();
    const pending = await held(world, 'delete', 'b', 'x');
    const approved = await held(world, 'delete', 'b', 'y');
    await rule(world, 'grant', approved, 'bob');
    await world.replace(POLICIES.replace('m of one', 'another message'));
    for (const id of [pending, approved])
      expect(world.store.get(id)).toMatchObject({
        state: 'cancelled',
        ended: { reason: 'policy one is not what it was' },
      });
    expect((await decide(world, 'delete', 'b', 'y')).decision.verdict).toBe('hold');
    await world.replace(POLICIES);
    expect((await decide(world, 'delete', 'b', 'y')).decision.verdict).toBe('hold');
  });

  test('that was refused answers for an hour, and an unused approval can be taken back', async () => {
    const world = approvalsWorld();
    const id = await held(world, 'delete', 'b');
    await rule(world, 'grant', id, 'bob');
    await rule(world, 'refuse', id, 'ann');
    const { denial } = await decide(world, 'delete', 'b');
    expect(denial).toMatchObject({
      requests: [id],
      retryable: false,
      message: 'm of one; ann said no: because',
    });
    world.wait(REFUSAL_STANDS_MS);
    expect(await held(world, 'delete', 'b')).not.toBe(id);
  });
});

describe('the bounds', () => {
  test('a principal has so many open requests, and another one has its own', async () => {
    const world = approvalsWorld();
    for (let at = 0; at < OPEN_PER_PRINCIPAL_MAX; at++) await held(world, 'delete', 'b', `t${at}`);
    const { denial } = await decide(world, 'delete', 'b', 'one more');
    expect(denial).toMatchObject({
      code: 'needs-approval',
      message: `m of one; and nobody can be asked to approve it: ${OPEN_PER_PRINCIPAL_MAX} requests of agent:b are open already`,
    });
    expect(denial?.requests).toBeUndefined();
    expect(await held(world, 'delete', 'c', 'one more')).not.toBe('');
    // What is asked for already is still there, and what is over makes room.
    const first = await held(world, 'delete', 'b', 't0');
    await rule(world, 'refuse', first, 'bob');
    expect(await held(world, 'delete', 'b', 'one more')).not.toBe('');
    world.wait(PENDING_MS_MAX);
    expect(await held(world, 'delete', 'b', 'another')).not.toBe('');
  });

  test('all together have so many', async () => {
    const world = approvalsWorld();
    for (let at = 0; at < OPEN_MAX; at++) await held(world, 'delete', `agent-${at}`);
    expect((await decide(world, 'delete', 'b')).denial?.message).toMatch(
      `${OPEN_MAX} requests are open already`,
    );
  });

  test('what is over is forgotten, oldest first, past so many', () => {
    const requests = new Requests();
    const asks = {
      decisionId: 'd',
      target: 't',
      action: 'a',
      approvers: 'g',
      quorum: 1,
      ttlMs: 1,
      untilMs: 9e12,
    };
    for (let at = 0; at <= FINISHED_MAX; at++) {
      const bound = { actionDigest: String(at), policy: 'p', policyText: 't' };
      const id = String(at);
      expect(
        requests.apply({ step: 'request', request: id, atMs: at, ...bound, asks, requestedBy: [] }),
      ).toBe(true);
      expect(requests.apply({ step: 'cancel', request: id, atMs: at, reason: 'r' })).toBe(true);
    }
    expect(requests.get('0')).toBeUndefined();
    expect(requests.all().length).toBe(FINISHED_MAX);
  });

  test('no @ttl makes an approval good for longer than a week', () => {
    const requests = new Requests();
    const asks = {
      decisionId: 'd',
      target: 't',
      action: 'a',
      approvers: 'g',
      quorum: 1,
      ttlMs: 9e12,
      untilMs: 10,
    };
    const bound = { actionDigest: 'x', policy: 'p', policyText: 't' };
    requests.apply({ step: 'request', request: 'r', atMs: 0, ...bound, asks, requestedBy: [] });
    requests.apply({
      step: 'grant',
      request: 'r',
      atMs: 1,
      id: 'g',
      by: 'bob',
      groups: ['g'],
      reason: '',
    });
    const request = requests.get('r');
    if (!request) throw new Error('it is gone');
    expect(stateAt(request, APPROVED_MS_MAX)).toBe('approved');
    expect(stateAt(request, APPROVED_MS_MAX + 1)).toBe('expired');
  });
});

describe('a log that does not take an entry', () => {
  const stalled = Object.assign(new Error('full'), { code: 'LOG_STALLED' });

  test('asks nobody: whoever is held is not told of a request that is not there', async () => {
    const world = approvalsWorld();
    world.log.refuse = stalled;
    const decided = world.guard.decide(actOf('delete', 'b'));
    await expect(decided.durable).rejects.toThrow(/takes no entries/);
    expect(world.store.all()).toEqual([]);
    world.log.refuse = undefined;
    expect(await held(world, 'delete', 'b')).not.toBe(decided.denial?.requests?.[0]);
  });

  test('has no yes: neither now nor after a restart', async () => {
    const world = approvalsWorld();
    const id = await held(world, 'delete', 'b');
    world.log.refuse = stalled;
    await expect(rule(world, 'grant', id, 'bob')).rejects.toThrow(/takes no entries/);
    world.log.refuse = undefined;
    expect((await decide(world, 'delete', 'b')).decision.verdict).toBe('hold');
    world.restart();
    expect((await decide(world, 'delete', 'b')).decision.verdict).toBe('hold');
    expect(await rule(world, 'grant', id, 'bob')).toMatchObject({ kind: 'done' });
  });

  test('but kept it all the same has a yes after the restart that has to follow, and not before', async () => {
    const world = approvalsWorld();
    const id = await held(world, 'delete', 'b');
    const append = world.log.append.bind(world.log);
    world.log.append = async (bytes) => {
      await append(bytes);
      throw new Error('the disk said no, and kept it');
    };
    await expect(rule(world, 'grant', id, 'bob')).rejects.toThrow(/couldn't record/);
    expect(world.store.get(id)).toMatchObject({ state: 'pending' });
    world.log.append = append;
    world.restart();
    expect(world.store.get(id)).toMatchObject({ state: 'approved' });
    expect((await decide(world, 'delete', 'b')).decision.verdict).toBe('allow');
  });

  test('lets nothing be used twice where the use itself is lost, before or behind its decision', async () => {
    for (const lost of [1, 2]) {
      const world = approvalsWorld();
      const id = await held(world, 'delete', 'b');
      await rule(world, 'grant', id, 'bob');
      const append = world.log.append.bind(world.log);
      let left = lost - 1;
      world.log.append = async (bytes) => {
        if (left-- > 0) return append(bytes);
        throw stalled;
      };
      const decided = world.guard.decide(actOf('delete', 'b'));
      const isDurable = await decided.durable.then(
        () => true,
        () => false,
      );
      world.log.append = append;
      expect(isDurable).toBe(lost === 2);
      expect((await decide(world, 'delete', 'b')).decision.verdict).toBe('hold');
      world.restart();
      // What never was on disk was never let through; what was is used, though no entry of its own says so.
      expect(stateAt(world.rebuilt().get(id) as ApprovalRequest, world.nowMs())).toBe(
        isDurable ? 'used' : 'approved',
      );
      expect((await decide(world, 'delete', 'b')).decision.verdict).toBe(
        isDurable ? 'hold' : 'allow',
      );
    }
  });
});

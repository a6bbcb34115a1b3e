import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { recorderForTest } from '../../testing/recorder.ts';
import { actionOf, type SqlCase, setOf } from '../../testing/sql.ts';
import type { DecisionFields, Entry, Json } from '../entry/entry.ts';
import { ENGINE_NAME } from './engine.ts';
import type { Act } from './guard.ts';
import { canonicalEntities } from './judge.ts';
import { ATTACHED_MAX, type GuardOptions, NO_DECISION_ID, openGuard } from './open-guard.ts';
import { canonicalSource, loadPolicySet } from './policy-set.ts';

const POLICIES = `
@id("grant") @severity("info") @message("writers write") @hint("ask for writers")
permit (principal in Group::"writers", action in Action::"sql.any", resource);
@id("unscoped") @severity("critical") @message("every row") @hint("name the rows")
forbid (principal, action in Action::"sql.any", resource) when { context.sql.scope == Scope::"none" };
@id("loose") @severity("high") @message("perhaps every row") @hint("use a key")
@unless("approved") @approvers("dba") @quorum("2") @ttl("15m")
forbid (principal, action in Action::"sql.any", resource) when { context.sql.scope == Scope::"loose" };
`;

function guardForTest(options: Partial<GuardOptions> = {}) {
  const world = recorderForTest();
  const policySet = setOf(POLICIES);
  const guard = openGuard({ recorder: world.recorder, policySet, ...options });
  return { ...world, policySet, guard, entry: (index: number) => decisionEntry(world.log, index) };
}

const decisionEntry = (log: { read(index: number): Entry }, index: number) =>
  log.read(index) as Entry & DecisionFields;

const actOf = (one: SqlCase, more: Partial<Act> = {}): Act => ({
  action: actionOf(one),
  target: 'shop',
  mode: 'enforce',
  principal: { type: 'human', id: 'alice', proof: 'scram' },
  session: 's1',
  resources: [{ action: `sql.${one.verb}`, type: 'Table', id: 'shop.public.customers' }],
  statement: 'DELETE FROM customers WHERE id = $1',
  values: [{ at: '/literals/1', value: '7' }],
  facts: { sql: { scope: one.scope ?? 'no-write' } },
  meta: { hour: 12 },
  ...more,
});
const writer = { groups: ['writers'], verb: 'delete' };

describe('deciding', () => {
  test('what is allowed passes, with a decision entry that says who, what, why and by which set', async () => {
    const { guard, policySet, entry } = guardForTest();
    const act = actOf({ ...writer, scope: 'key' });
    const decided = guard.decide(act);
    expect(decided).toMatchObject({ blocked: false, decision: { verdict: 'allow' } });
    expect(decided.denial).toBeUndefined();
    expect(await decided.durable).toBe(0);
    const entities = createHash('sha256')
      .update(canonicalEntities(act.action.entities))
      .digest('hex');
    expect(entry(0)).toMatchObject({
      id: decided.decisionId,
      kind: 'decision',
      target: 'shop',
      action: 'sql.delete',
      statement: act.statement,
      facts: act.facts,
      meta: act.meta,
      session: 's1',
      principal: act.principal,
      resources: act.resources,
      values: [{ at: '/literals/1' }],
      decision: {
        verdict: 'allow',
        code: 'allowed',
        determining: ['grant'],
        mode: 'enforce',
        enforced: true,
        policySet: policySet.digest,
        entities,
        engine: ENGINE_NAME,
        parts: [{ request: 0, code: 'allowed', permits: ['grant'], forbids: [], errors: [] }],
      },
    });
  });

  test('what is forbidden is blocked, and is told by which policy, why and what to do', async () => {
    const { guard, entry } = guardForTest({ docs: 'http://127.0.0.1:7070/entries/' });
    const { blocked, denial, decisionId, durable } = guard.decide(
      actOf({ ...writer, scope: 'none' }),
    );
    await durable;
    expect(blocked).toBe(true);
    expect(denial).toEqual({
      code: 'forbidden',
      message: 'every row',
      hint: 'name the rows',
      policy: 'unscoped',
      decisionId,
      retryable: false,
      docs: `http://127.0.0.1:7070/entries/${decisionId}`,
    });
    expect(entry(0).decision).toMatchObject({ verdict: 'deny', enforced: true });
  });

  test('what nothing permits says who would have done what to what', () => {
    const { guard } = guardForTest();
    const { denial } = guard.decide(actOf({ verb: 'delete', scope: 'key' }));
    expect(denial).toMatchObject({
      code: 'no-permit',
      message: 'no policy permits sql.delete on Table shop.public.customers for Human alice',
    });
    expect(denial?.policy).toBeUndefined();
  });

  test('what is held says who has to approve', async () => {
    const { guard, entry } = guardForTest();
    const { denial, blocked, durable } = guard.decide(actOf({ ...writer, scope: 'loose' }));
    await durable;
    expect(blocked).toBe(true);
    expect(denial).toMatchObject({
      code: 'needs-approval',
      message: 'perhaps every row',
      hint: '2 members of dba must approve (policy loose)',
      policy: 'loose',
      retryable: true,
    });
    expect(entry(0).decision).toMatchObject({ verdict: 'hold', holds: ['loose'] });
  });

  test('what is not understood names each doubt and a way out', () => {
    const { guard } = guardForTest();
    const act = actOf({ ...writer, doubts: ['dynamic', 'unknown-routine'] });
    const { denial } = guard.decide(act);
    expect(denial?.code).toBe('not-understood');
    expect(denial?.message).toMatch(/builds or runs code .* calls a routine/);
    expect(denial?.hint).toMatch(/write out the statement.*registered/);
  });

  test('in observe the same is recorded as not carried out, and nothing is blocked', async () => {
    const { guard, entry } = guardForTest();
    for (const scope of ['none', 'loose']) {
      const { blocked, denial, durable } = guard.decide(
        actOf({ ...writer, scope }, { mode: 'observe' }),
      );
      await durable;
      expect({ blocked, denial }).toEqual({ blocked: false, denial: undefined });
    }
    expect(entry(0).decision).toMatchObject({ verdict: 'deny', mode: 'observe', enforced: false });
    expect(entry(1).decision).toMatchObject({ verdict: 'hold', mode: 'observe', enforced: false });
  });

  test('malformed bytes are blocked in any mode', async () => {
    const { guard, entry } = guardForTest();
    const action = { requests: [], entities: [], rejected: 'a frame of -1 bytes' };
    const act = actOf(writer, { mode: 'observe', action });
    const { blocked, denial, durable } = guard.decide(act);
    await durable;
    expect(blocked).toBe(true);
    expect(denial).toMatchObject({ code: 'rejected', message: 'a frame of -1 bytes' });
    expect(entry(0)).toMatchObject({
      action: '',
      decision: { enforced: true, rejected: 'a frame of -1 bytes' },
    });
  });

  test('explaining says the same and records nothing', () => {
    const { guard, log } = guardForTest();
    const allowed = guard.explain(actionOf({ ...writer, scope: 'key' }));
    expect(allowed).toMatchObject({ decision: { verdict: 'allow' } });
    expect(allowed.denial).toBeUndefined();
    expect(guard.explain(actionOf({ ...writer, scope: 'none' })).denial?.policy).toBe('unscoped');
    expect(log.entries).toHaveLength(0);
  });

  test('an outcome follows its decision in the same chain', async () => {
    const { guard, log } = guardForTest();
    const { decisionId } = guard.decide(actOf({ ...writer, scope: 'key' }));
    const outcome = { status: 'executed' } as const;
    const index = await guard.outcome({ decisionId, outcome, rows: 1, durationUs: 5 }, {});
    expect(log.read(index)).toMatchObject({ kind: 'outcome', decisionId, seq: 1, rows: 1 });
  });
});

describe('recomputing', () => {
  test('the set and the entities are on disk with the first entry that names them, and decide the same', async () => {
    const { guard, sideStore, entry } = guardForTest();
    const act = actOf({ ...writer, scope: 'loose' });
    const { decision, durable } = guard.decide(act);
    await durable;
    const blob = async (digest: string) =>
      Buffer.from((await sideStore.readBlob(digest)) ?? []).toString();
    const logged = entry(0).decision;
    const { files, schema } = canonicalSource(await blob(logged.policySet));
    const set = loadPolicySet(files, schema);
    if (Array.isArray(set)) throw new Error(JSON.stringify(set));
    expect(set.digest).toBe(logged.policySet);
    const entities = JSON.parse(await blob(logged.entities));
    const again = openGuard({ recorder: recorderForTest().recorder, policySet: set });
    expect(again.explain({ ...act.action, entities }).decision).toEqual(decision);
    // A second decision over the same names no new blob.
    const before = sideStore.blobs.size;
    await guard.decide(act).durable;
    expect(sideStore.blobs.size).toBe(before);
  });

  test('past the bound of remembered blobs they are handed over again, and decisions go on', async () => {
    const { guard, sideStore } = guardForTest();
    let handed = 0;
    sideStore.beforeBlob = async () => {
      handed++;
    };
    const decideOn = (table: number) =>
      guard.decide(actOf({ ...writer, scope: 'none', table: `t${table}` })).durable;
    // Two digests with the first decision, one with each that follows.
    for (let i = 0; i < ATTACHED_MAX - 1; i++) await decideOn(i);
    await decideOn(0);
    expect(handed).toBe(ATTACHED_MAX);
    await decideOn(ATTACHED_MAX - 1);
    await decideOn(0);
    expect(handed).toBe(ATTACHED_MAX + 2);
  });

  test('names of a client’s own invention do not fill the disk', async () => {
    const { guard, sideStore } = guardForTest();
    const act = actOf({ ...writer, table: 'invented', doubts: ['unresolved-name'] });
    await guard.decide(act).durable;
    expect(sideStore.blobs.size).toBe(0);
  });
});

describe('when something fails', () => {
  test('a failure inside denies with an entry instead of passing an exception on', async () => {
    const { guard, entry } = guardForTest();
    const entities = [{ uid: { type: 'Human', id: '\ud800' }, attrs: {}, parents: [] }];
    const act = actOf(writer, { action: { ...actionOf(writer), entities } });
    const { blocked, decision, denial, durable } = guard.decide(act);
    await durable;
    expect({ blocked, code: decision.code, denied: denial?.code }).toEqual({
      blocked: true,
      code: 'policy-error',
      denied: 'policy-error',
    });
    expect(entry(0).decision).toMatchObject({
      code: 'policy-error',
      parts: [{ errors: [{ policy: '', message: expect.stringMatching(/surrogate/) }] }],
    });
  });

  test('a decision that cannot be encoded is never durable', async () => {
    const { guard, log } = guardForTest();
    const act = actOf({ ...writer, scope: 'key' }, { facts: { share: 0.5 } as unknown as Json });
    const { decisionId, durable } = guard.decide(act);
    await expect(durable).rejects.toThrow(/not canonical/);
    expect(decisionId).toBe(NO_DECISION_ID);
    expect(log.entries).toHaveLength(0);
  });

  test('a failed log is passed on to whoever waits for the disk', async () => {
    const { guard, log } = guardForTest();
    log.refuse = new Error('disk full');
    await expect(guard.decide(actOf({ ...writer, scope: 'key' })).durable).rejects.toThrow();
  });
});

describe('swapping the set', () => {
  test('the next decision is made by the new set, and the old one answers nothing any more', async () => {
    const { guard, policySet, entry, sideStore } = guardForTest();
    const act = actOf({ ...writer, scope: 'none' });
    expect(guard.decide(act).blocked).toBe(true);
    const looser = setOf(POLICIES.replace('"none"', '"always-true"'));
    guard.replace(looser);
    expect(guard.policySet).toBe(looser.digest);
    const decided = guard.decide(act);
    await decided.durable;
    expect(decided.blocked).toBe(false);
    expect(entry(1).decision.policySet).toBe(looser.digest);
    expect(sideStore.blobs.has(looser.digest)).toBe(true);
    const { requests, entities } = act.action;
    const [request] = requests;
    const prepared = policySet.engine.prepare(entities);
    expect(request && policySet.engine.evaluate(request, prepared).invalid).toMatch(/replaced/);
  });

  test('replacing a set by itself keeps it', () => {
    const { guard, policySet } = guardForTest();
    guard.replace(policySet);
    expect(guard.decide(actOf({ ...writer, scope: 'key' })).blocked).toBe(false);
  });
});

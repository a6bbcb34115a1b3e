/** A guard that asks, its store and a log in memory whose clock the test moves, and restarts of all but the log. */
import { createHash } from 'node:crypto';
import {
  type Act,
  type Entry,
  eventOfEntry,
  History,
  openGuard,
  openRecorder,
  type Recorder,
} from '@sealrail/sdk';
import { leafHash, sha256, toHex } from '@sealrail/tlog';
import { recorderForTest } from '../../sdk/testing/recorder.ts';
import { actionOf, setOf } from '../../sdk/testing/sql.ts';
import { ApprovalsStore } from '../src/approvals/approvals.ts';
import { holdingGuard } from '../src/approvals/holding-guard.ts';
import { Requests } from '../src/approvals/requests.ts';
import { StepsOfLog } from '../src/approvals/steps.ts';
import type { User } from '../src/config/config.ts';

const say = (id: string) => `@id("${id}") @severity("low") @message("m of ${id}") @hint("h")`;
export const POLICIES = `
${say('all')} permit (principal, action, resource);
${say('one')} @unless("approved") @approvers("dba") @quorum("1") @ttl("5m")
forbid (principal, action == Action::"sql.delete", resource);
${say('two')} @unless("approved") @approvers("security") @quorum("2") @ttl("10m")
forbid (principal, action in [Action::"sql.update", Action::"sql.truncate"], resource);
${say('both')} @unless("approved") @approvers("dba") @quorum("1") @ttl("5m")
forbid (principal, action == Action::"sql.truncate", resource);
`;

export const person = (name: string, groups: readonly string[]): User => ({
  name,
  type: 'human',
  groups,
  roles: [],
  scram: '',
});
export const PEOPLE = [
  person('ann', ['dba', 'security']),
  person('bob', ['dba', 'security']),
  person('cleo', ['security']),
  person('eve', []),
];

/** What somebody is about to do; `ann` also acts herself, and the agent `a` acts for her. */
export function actOf(verb: string, who: string, text = 'x'): Act {
  const isHuman = who === 'ann';
  return {
    action: actionOf({ verb, type: isHuman ? 'Human' : 'Agent', id: who, scope: 'range' }),
    target: 'shop',
    mode: 'enforce',
    principal: { type: isHuman ? 'human' : 'agent', id: who, proof: 'scram' },
    ...(who === 'a' ? { onBehalfOf: [{ type: 'human', id: 'ann', proved: true }] } : {}),
    session: 's1',
    resources: [],
    statement: text,
    values: [{ at: '/bytes', value: text }],
    facts: {},
    meta: {},
  };
}

export function approvalsWorld() {
  let nowUs = 1_764_072_000_000_000n;
  const clock = (): bigint => nowUs++;
  const { log, sideStore } = recorderForTest();
  let drawn = 0;
  const random = (bytes: number): Uint8Array =>
    createHash('sha512').update(String(drawn++)).digest().subarray(0, bytes);
  const people = [...PEOPLE];
  let policySet = setOf(POLICIES);
  let epoch = 0;

  const entries = (): Entry[] => log.entries.map((_, at) => log.read(at));
  function rebuilt(): Requests {
    const steps = new StepsOfLog(new Requests());
    for (const entry of entries()) steps.add(entry);
    steps.end();
    return steps.requests;
  }
  function start() {
    const last = log.entries.at(-1);
    const recorder: Recorder = openRecorder({
      log,
      sideStore,
      source: { id: 'd', type: 'daemon', version: '0', epoch: ++epoch },
      previous: last ? toHex(leafHash(last, sha256)) : '0'.repeat(64),
      clock,
      random: (bytes) => Uint8Array.from({ length: bytes }, (_, i) => random(64)[i % 64] ?? 0),
    });
    const history = new History();
    for (const entry of entries()) {
      const event = eventOfEntry(entry);
      if (event) history.apply(event);
    }
    const digestKey = Buffer.alloc(32, 7);
    const store = new ApprovalsStore({
      recorder,
      requests: rebuilt(),
      digestKey,
      policy: (id) => policySet.byId.get(id),
      users: () => people,
      newId: () => `request-${String(drawn++).padStart(6, '0')}`,
    });
    const plain = openGuard({ recorder, policySet, history, approvals: store, digestKey });
    const guard = holdingGuard({ guard: plain, approvals: store, answerAt: 'http://c/approvals' });
    return { recorder, store, guard, plain };
  }
  let running = start();
  return {
    log,
    people,
    entries,
    rebuilt,
    get store() {
      return running.store;
    },
    get guard() {
      return running.guard;
    },
    get plain() {
      return running.plain;
    },
    get recorder() {
      return running.recorder;
    },
    restart: () => {
      running = start();
    },
    wait: (ms: number) => {
      nowUs += BigInt(ms) * 1000n;
    },
    nowMs: () => Number(nowUs / 1000n),
    replace: async (text: string) => {
      policySet = setOf(text);
      running.guard.replace(policySet);
      await running.store.policiesChanged();
    },
  };
}

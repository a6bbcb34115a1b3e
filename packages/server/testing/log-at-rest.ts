/** A small log at rest, the same at every run, for the scripts of the command line. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NO_PREVIOUS, openRecorder, openSideStore } from '@sealrail/sdk';
import {
  createLog,
  formatSecretKey,
  formatVkey,
  openLog,
  openSigner,
  secretKeyFromSeed,
} from '@sealrail/tlog';

const ORIGIN = 'example.com/rest';
const START_US = 1_764_000_000_000_000n;

export async function writeLogForTest(folder: string): Promise<void> {
  const key = formatSecretKey(secretKeyFromSeed(ORIGIN, new Uint8Array(32).fill(3)));
  mkdirSync(join(folder, 'policies'), { recursive: true });
  writeFileSync(join(folder, 'log.key'), key, { mode: 0o600 });
  writeFileSync(join(folder, 'log.vkey'), formatVkey(openSigner(key).key));
  writeFileSync(join(folder, 'users.yaml'), 'users: {}\n');
  writeFileSync(
    join(folder, 'sealrail.yaml'),
    `log: { dir: ./data, state: ./state, origin: ${ORIGIN}, key: file:./log.key, durability: none }
targets:
  shop:
    kind: postgres
    env: prod
    listen: 127.0.0.1:2
    upstream: { url: postgres://role@127.0.0.1:3/shop }
api: { listen: 127.0.0.1:4 }
`,
  );
  const places = { dir: join(folder, 'data'), stateDir: join(folder, 'state'), key };
  await createLog({ ...places, durability: 'none' });
  const log = await openLog({ ...places, durability: 'none' });
  // Counting bytes and a counting clock: ids and times are the same at every run.
  const random = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(5);
  const sideStore = await openSideStore({ folder: join(folder, 'data/private'), random });
  let now = START_US;
  const recorder = openRecorder({
    log,
    sideStore,
    source: { id: 'test', type: 'daemon', version: '1', epoch: 1 },
    previous: NO_PREVIOUS,
    clock: () => (now += 1_000_000n),
    random,
  });
  const about = { principal: { type: 'human', id: 'alice', proof: 'scram' } } as const;
  await recorder.record({ kind: 'system', event: 'start', detail: {} }, {}).durable;
  const client = { address: '127.0.0.1', port: 50_000 };
  const session = { kind: 'session', target: 'shop', client } as const;
  await recorder.record({ ...session, event: 'start', result: 'ok' }, about).durable;
  await recorder.record(
    { ...session, event: 'authentication', result: 'refused', code: '28P01' },
    {},
  ).durable;
  await recorder.record(
    {
      kind: 'finding',
      rule: 'test-rule',
      severity: 'low',
      // Whoever wrote this chose its bytes: a terminal must not obey them.
      message: 'a screen \u001b[2Jcleared\u009b31m',
      about: [],
    },
    about,
  ).durable;
  await recorder.record(
    {
      kind: 'change',
      what: 'policy-set',
      subject: 'policies',
      before: '',
      after: 'ab'.repeat(32),
      why: 'read at start',
    },
    {},
  ).durable;
  await log.close();
  await sideStore.close();
}

/** Entries, side store and a real log together: what an auditor who gets the tree can and cannot find in it. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog, formatSecretKey, openLog, secretKeyFromSeed } from '@sealrail/tlog';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkSources, SourceChains } from './chains.ts';
import { systemClock } from './clock.ts';
import { commit } from './commitment.ts';
import type { DecisionFields, Entry } from './entry.ts';
import { parseEntry } from './parse.ts';
import { NO_PREVIOUS, openRecorder } from './recorder.ts';
import { openSideStore } from './side/sidestore.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sealrail-privacy-'));
});
afterAll(() => rm(dir, { recursive: true }));

const SECRET = 'hunter2-4111111111111111';
const decision: DecisionFields = {
  kind: 'decision',
  target: 'shop',
  action: 'sql.select',
  resources: [],
  statement: 'SELECT * FROM cards WHERE number = $1',
  values: [],
  facts: { sql: { literals: 1, big: 'f'.repeat(20_000) } },
  meta: {},
  decision: {
    verdict: 'allow',
    code: 'allowed',
    determining: [],
    policySet: '',
    entities: '',
    engine: '',
    mode: 'enforce',
    enforced: true,
    parts: [],
  },
};

async function openAll(epochOf: (recoveryEpoch: number) => number, previous: string) {
  const key = formatSecretKey(secretKeyFromSeed('example.com/privacy', new Uint8Array(32).fill(3)));
  const options = { dir: join(dir, 'data'), stateDir: join(dir, 'state'), key } as const;
  if (!(await stat(join(options.dir, 'log')).catch(() => undefined))) {
    await createLog({ ...options, durability: 'none' });
  }
  const log = await openLog({ ...options, durability: 'none' });
  const sideStore = await openSideStore({
    folder: join(options.dir, 'private'),
    random: randomBytes,
  });
  const source = { id: 'gw', type: 'gateway', version: '1', epoch: epochOf(log.recovery.epoch) };
  const recorder = openRecorder({
    log,
    sideStore,
    source,
    previous,
    clock: systemClock(),
    random: randomBytes,
  });
  return { log, sideStore, recorder };
}

async function filesWith(text: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(dir, { recursive: true })) {
    const path = join(dir, name);
    if ((await stat(path)).isFile() && (await readFile(path)).includes(text)) found.push(name);
  }
  return found;
}

describe('a log with secrets in its actions', () => {
  test('holds none of them, yet whoever has the side store can prove each', async () => {
    const { log, sideStore, recorder } = await openAll((epoch) => epoch, NO_PREVIOUS);
    const principal = { type: 'human', id: 'alice', proof: 'scram' } as const;
    const values = [
      { at: '/literals/1', value: SECRET },
      { at: '/bytes', value: `SELECT * FROM cards WHERE number = '${SECRET}'` },
    ];
    const { id, durable } = recorder.record(decision, { principal }, values);
    const entry = parseEntry(await log.read(await durable)) as Entry & DecisionFields;
    await log.close();
    await sideStore.close();
    expect(await filesWith('SELECT * FROM cards')).not.toEqual([]);
    expect(await filesWith(SECRET)).toEqual([]);
    const revealed = await sideStore.read(id);
    if (revealed.kind !== 'values') throw new Error(revealed.kind);
    const opened = revealed.values.map(({ at, salt, value }) => ({
      at,
      hash: commit(Buffer.from(salt, 'base64'), at, value),
    }));
    expect(entry.values).toEqual(opened);
    expect(revealed.values[0]?.value).toBe(SECRET);
    const digest = entry.payloads?.[0]?.digest ?? '';
    const facts = Buffer.from((await sideStore.readBlob(digest)) ?? []).toString();
    expect(JSON.parse(facts)).toEqual(decision.facts);
  });

  test('goes on in the same chain after a restart', async () => {
    const all: Uint8Array[] = [];
    const chains = new SourceChains({ complete: true });
    const before = await openAll(() => 1_000, NO_PREVIOUS);
    for (let index = 0; index < before.log.size; index++) {
      all.push(await before.log.read(index));
      expect(chains.add(index, all[index] ?? new Uint8Array(0))).toEqual([]);
    }
    await before.log.close();
    await before.sideStore.close();
    const { log, sideStore, recorder } = await openAll(
      () => (chains.last('gw')?.epoch ?? 0) + 1,
      chains.last('gw')?.hash ?? NO_PREVIOUS,
    );
    for (let i = 0; i < 3; i++) {
      const { durable } = recorder.record({ kind: 'system', event: 'heartbeat', detail: {} }, {});
      all.push(await log.read(await durable));
    }
    await log.close();
    await sideStore.close();
    expect(all.length).toBeGreaterThan(3);
    expect(checkSources(all)).toEqual([]);
  });
});

/**
 * kill -9 of the daemon under load, again and again: nothing that a client got an answer for may be missing
 * from the log, and the log must verify after every kill and every restart.
 *
 * Clients insert rows and remember which inserts were answered. In the end each answered insert must have
 * its decision in the log, found by an alias in its text; and the value that it bound, which stands in the
 * log as a commitment only, must open from the side store (for a sample: each look is a scan).
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { openSideStore } from '@sealrail/sdk';
import pg from 'pg';
import { sealrailBin } from '../../demo/place.ts';
import { entriesFrom, type System, startSystem } from '../system.ts';

interface DecisionEntry {
  readonly id: string;
  readonly kind: string;
  readonly statement?: string;
  readonly decision?: { readonly verdict: string };
}

export interface KillReport {
  readonly kills: number;
  readonly answered: number;
  readonly entries: number;
}

const CLIENTS = 8;
const SAMPLE = 100;
/** Long enough for flushes, turns of the loop and publications to be cut off in their middle. */
const LOAD_MS_MAX = 900;

/** A small seeded generator, so that a run's moments can be drawn again. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Inserts until the connection breaks; what was answered is added, and nothing else. */
async function load(system: System, next: () => number, answered: Set<number>): Promise<void> {
  const client = new pg.Client({
    connectionString: system.url('svc'),
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    for (;;) {
      const id = next();
      await client.query(`INSERT INTO acked AS a${id}_ (id) VALUES ($1)`, [id]);
      answered.add(id);
    }
  } catch {
    // The kill: whatever was in flight has no answer.
  } finally {
    await client.end().catch(() => undefined);
  }
}

function verifyTree(system: System): void {
  const args = [
    sealrailBin,
    'verify',
    join(system.folder, 'data/log'),
    '--key',
    system.vkeyFile,
    '--json',
  ];
  const done = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (done.status !== 0)
    throw new Error(`the log does not verify after a kill: ${done.stdout}${done.stderr}`);
}

/** How many of these inserts do not give their value back from the side store of a stopped daemon. */
async function unopened(
  system: System,
  inserts: readonly (readonly [number, string])[],
): Promise<number> {
  const folder = join(system.folder, 'data/private');
  const store = await openSideStore({ folder, random: (bytes) => new Uint8Array(bytes) });
  try {
    let wrong = 0;
    for (const [id, decision] of inserts) {
      const revealed = await store.read(decision);
      const values = revealed.kind === 'values' ? revealed.values : [];
      if (!values.some(({ at, value }) => at === '/binds/1' && value === String(id))) wrong++;
    }
    return wrong;
  } finally {
    await store.close();
  }
}

/** Throws with what is missing, if anything is. */
export async function killRepeatedly(options: {
  kills: number;
  seed: number;
  progress: (line: string) => void;
}): Promise<KillReport> {
  const draw = random(options.seed);
  const system = await startSystem({
    database: 'bench',
    role: 'bench_role',
    users: [{ name: 'svc', type: 'service', groups: ['writers'] }],
    setup:
      'CREATE TABLE acked (id integer PRIMARY KEY); GRANT SELECT, INSERT ON acked TO PUBLIC; GRANT USAGE ON SCHEMA public TO PUBLIC;',
  });
  const answered = new Set<number>();
  let counter = 0;
  try {
    for (let kill = 1; kill <= options.kills; kill++) {
      const clients = Array.from({ length: CLIENTS }, () =>
        load(system, () => ++counter, answered),
      );
      await new Promise((resolve) => setTimeout(resolve, 150 + draw() * LOAD_MS_MAX));
      await system.stopDaemon('SIGKILL');
      await Promise.all(clients);
      verifyTree(system);
      await system.startDaemon();
      verifyTree(system);
      if (kill % 10 === 0 || kill === options.kills)
        options.progress(`${kill} kills, ${answered.size} answered`);
    }
    const entries = await entriesFrom<DecisionEntry>(system.api, 0);
    await system.stopDaemon();
    verifyTree(system);
    const logged = new Map<number, string>();
    for (const { kind, statement, decision, id } of entries) {
      const alias = /AS a([0-9]+)_ /.exec(statement ?? '')?.[1];
      if (kind === 'decision' && decision?.verdict === 'allow' && alias !== undefined)
        logged.set(Number(alias), id);
    }
    if (answered.size === 0) throw new Error('no insert was answered: there was no load');
    const missing = [...answered].filter((id) => !logged.has(id));
    if (missing.length > 0) {
      throw new Error(
        `${missing.length} answered inserts have no decision in the log, the first is ${missing[0]}`,
      );
    }
    const every = Math.ceil(answered.size / SAMPLE);
    const sample = [...answered]
      .filter((_, at) => at % every === 0)
      .map((id) => [id, logged.get(id) ?? ''] as const);
    const closed = await unopened(system, sample);
    if (closed > 0)
      throw new Error(
        `${closed} of ${sample.length} answered inserts do not give their value back`,
      );
    return { kills: options.kills, answered: answered.size, entries: entries.length };
  } finally {
    await system.stop();
  }
}

if (import.meta.main) {
  const kills = Number(process.argv[2] ?? 100);
  const seed = Number(process.argv[3] ?? Date.now() % 2 ** 32);
  console.error(`seed ${seed}`);
  const report = await killRepeatedly({ kills, seed, progress: (line) => console.error(line) });
  console.log(JSON.stringify({ ...report, missing: 0, seed }));
}

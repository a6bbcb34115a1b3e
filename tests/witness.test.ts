/**
 * Witnesses as people run them: two processes of `sealrail witness serve`, a daemon whose log asks them,
 * and a verifier that has nothing but files, keys and a policy. Then an operator who rolls everything back.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../demo/postgres.ts';
import { type System, startSystem } from './system.ts';

const sealrail = fileURLToPath(new URL('../packages/server/bin/sealrail.js', import.meta.url));

interface Witness {
  readonly folder: string;
  readonly line: string;
  child: ChildProcess;
}

const run = (cwd: string, ...args: string[]) =>
  spawnSync(process.execPath, [sealrail, ...args], { cwd, encoding: 'utf8' });

async function serve(folder: string, ...more: string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [sealrail, 'witness', 'serve', ...more], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    expect(JSON.parse(line)).toMatchObject({ ready: true });
    return child;
  }
  throw new Error('the witness ended before it was ready');
}

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });

async function startWitness(name: string, place: string, vkeyFile: string): Promise<Witness> {
  const folder = join(place, name);
  mkdirSync(folder);
  const made = run(folder, 'witness', 'init', `example.org/${name}`, '--log', vkeyFile, '--json');
  expect(made.status).toBe(0);
  const { vkey } = JSON.parse(made.stdout) as { vkey: string };
  const port = await freePort();
  const config = join(folder, 'witness.yaml');
  const text = readFileSync(config, 'utf8').replace('127.0.0.1:7071', `127.0.0.1:${port}`);
  writeFileSync(config, text);
  const line = `witness ${name} ${vkey} http://127.0.0.1:${port}`;
  return { folder, line, child: await serve(folder) };
}

let system: System;
let witnesses: Witness[];
let policy: string;

const status = async () =>
  (await (await fetch(`${system.api}/api/status`)).json()) as {
    size: number;
    signedSize: number;
    witnessedSize: number;
  };
const witnessedAll = () =>
  expect
    .poll(
      async () => {
        const { size, witnessedSize } = await status();
        return witnessedSize === size;
      },
      { timeout: 20_000 },
    )
    .toBe(true);

async function query(text: string): Promise<void> {
  const client = new pg.Client({ connectionString: system.url('alice') });
  await client.connect();
  await client.query(text).catch(() => undefined);
  await client.end();
}

const verify = (...args: string[]) =>
  run(
    system.folder,
    'verify',
    ...args,
    '--key',
    system.vkeyFile,
    '--witness-policy',
    policy,
    '--json',
  );
const answer = (done: ReturnType<typeof verify>) =>
  JSON.parse(done.stdout) as { ok: boolean; against: string; findings: { what: string }[] };
const home = () => system.folder;

beforeAll(async () => {
  system = await startSystem({
    database: 'shop',
    role: 'shop_role',
    users: [{ name: 'alice', type: 'human', groups: ['writers'] }],
    setup: 'CREATE TABLE t (id integer PRIMARY KEY); GRANT ALL ON t TO PUBLIC;',
  });
  witnesses = [
    await startWitness('w1', system.folder, system.vkeyFile),
    await startWitness('w2', system.folder, system.vkeyFile),
  ];
  policy = join(home(), 'witness.policy');
  const lines = [...witnesses.map(({ line }) => line), 'group both all w1 w2', 'quorum both', ''];
  writeFileSync(policy, lines.join('\n'));
  await system.stopDaemon();
  const yaml = readFileSync(system.config, 'utf8');
  expect(yaml).toMatch(/^log: \{ /m);
  writeFileSync(
    system.config,
    yaml.replace(/^log: \{ /m, 'log: { witnesses: { policy: witness.policy }, '),
  );
  await system.startDaemon();
});
afterAll(async () => {
  for (const { child } of witnesses ?? []) if (child.exitCode === null) await ended(child);
  await system?.stop();
});

describe('a log with witnesses', () => {
  test('is cosigned by both, and the verifier says so with nothing but files, key and policy', async () => {
    await query('INSERT INTO t VALUES (1)');
    await witnessedAll();
    const done = verify(join(home(), 'data/log'));
    expect(answer(done)).toMatchObject({ ok: true, against: 'cosigned 2 of 2' });
    expect(done.status).toBe(0);
  });

  test('an entry is witnessed in the API, and its receipt carries the cosignatures', async () => {
    const list = (await (
      await fetch(`${system.api}/api/entries?kind=decision&limit=1`)
    ).json()) as {
      entries: { index: number; state: string }[];
    };
    const [entry] = list.entries;
    expect(entry?.state).toBe('witnessed');
    const receipt = await (await fetch(`${system.api}/api/receipts/${entry?.index}`)).arrayBuffer();
    const file = join(system.folder, 'r.tlog-proof');
    writeFileSync(file, Buffer.from(receipt));
    expect(answer(verify(file))).toMatchObject({ ok: true, against: 'cosigned 2 of 2' });
  });

  test('goes on without one of them, says which is missing, and catches up', async () => {
    const [, second] = witnesses as [Witness, Witness];
    const before = await status();
    await ended(second.child);
    await query('INSERT INTO t VALUES (2)');
    await expect.poll(async () => (await status()).signedSize).toBeGreaterThan(before.size);
    expect((await status()).witnessedSize).toBeLessThan((await status()).signedSize);
    // What is published stays the last that both cosigned, and holds.
    expect(answer(verify(join(home(), 'data/log')))).toMatchObject({ ok: true });
    second.child = await serve(second.folder);
    await witnessedAll();
  });

  test('that is rolled back with its whole machine is found out at its start', async () => {
    const keep = ['data', 'state'].map(
      (name) => [join(home(), name), join(system.folder, `${name}-old`)] as const,
    );
    await system.stopDaemon();
    for (const [from, to] of keep) cpSync(from, to, { recursive: true });
    await system.startDaemon();
    await query('INSERT INTO t VALUES (3)');
    await witnessedAll();
    await system.stopDaemon();
    // Data and state together, as a snapshot of the machine has them: nothing here can tell.
    for (const [to, from] of keep) {
      rmSync(to, { recursive: true });
      cpSync(from, to, { recursive: true });
    }
    await expect(system.startDaemon()).rejects.toThrow(/has seen another history/);
    // And a second try is no way around.
    await expect(system.startDaemon()).rejects.toThrow(/has seen another history/);
  });
});

describe('a witness', () => {
  test('whose memory is gone does not begin anew by itself', async () => {
    const [first] = witnesses as [Witness];
    await ended(first.child);
    rmSync(join(first.folder, 'witness.sqlite'));
    const done = run(first.folder, 'witness', 'serve');
    expect(done.stderr).toMatch(/is missing, and without it this witness would contradict/);
    expect(done.status).toBe(78);
  });

  test('does not take the memory of another key', async () => {
    const [first, second] = witnesses as [Witness, Witness];
    await ended(second.child);
    cpSync(join(second.folder, 'witness.sqlite'), join(first.folder, 'witness.sqlite'));
    const done = run(first.folder, 'witness', 'serve');
    expect(done.stderr).toMatch(/belongs to the key example\.org\/w2\+/);
    expect(done.status).toBe(78);
  });
});

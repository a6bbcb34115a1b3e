/**
 * `npm run demo`: the main job, scripted and self-checking. Through a real client connection: what is
 * allowed goes through, what policy forbids does not and changes nothing; then the daemon stops and the log
 * is verified by its files and a public key alone, and a flipped byte in a copy is named.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { CheckFailed, check } from './check.ts';
import { type DaemonProcess, startDaemonProcess } from './daemon.ts';
import { DemoError } from './error.ts';
import { clearTree, verifyOffline } from './offline.ts';
import { type Demo, prepareDemo } from './place.ts';
import { freePort } from './postgres.ts';
import { SHOP_DATABASE, shopChecksum } from './shop.ts';
import { MASKED, TRIES, type Try } from './tries.ts';

type Say = (line: string) => void;

interface Counts {
  /** Those that came back masked included. */
  readonly allowed: number;
  readonly denied: number;
  readonly masked: number;
}

type Row = Readonly<Record<string, unknown>>;

async function attempt(
  port: number,
  demo: Demo,
  one: Try,
  say: Say,
): Promise<'allowed' | 'denied' | 'masked'> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: one.as,
    password: demo.passwords[one.as],
    database: SHOP_DATABASE,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<Row>(one.sql, one.values as unknown[] | undefined);
    check(one.denied === undefined, `${one.what} went through`);
    const { masked } = one;
    if (masked === undefined) {
      say(`  allowed  ${one.what}`);
      return 'allowed';
    }
    check(rows.length > 0, `${one.what} showed no row`);
    check(
      rows.every((row) => row[masked] === MASKED),
      `${one.what} showed a value`,
    );
    say(`  masked   ${one.what}: ${JSON.stringify(rows[0])}`);
    return 'masked';
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (error instanceof CheckFailed || one.denied === undefined) throw error;
    const [expected, word] = one.denied;
    check(
      code === expected && word.test(message),
      `${one.what} was refused with ${code}: ${message}`,
    );
    say(`  denied   ${one.what}: ${message}`);
    return 'denied';
  } finally {
    await client.end();
  }
}

/** Row by row through a connection of its own: what the gateway says about itself proves nothing. */
async function tryAll(port: number, demo: Demo, say: Say): Promise<Counts> {
  const direct = new pg.Client({ connectionString: demo.postgres.url(SHOP_DATABASE) });
  await direct.connect();
  try {
    const before = await shopChecksum(direct);
    say('through the gateway, as a client:');
    const verdicts: string[] = [];
    for (const one of TRIES) verdicts.push(await attempt(port, demo, one, say));
    check((await shopChecksum(direct)) === before, 'the database changed');
    say('  the database is what it was, row by row');
    const denied = verdicts.filter((verdict) => verdict === 'denied').length;
    const masked = verdicts.filter((verdict) => verdict === 'masked').length;
    return { allowed: verdicts.length - denied, denied, masked };
  } finally {
    await direct.end();
  }
}

/** In `work`, which is thrown away; what can be verified later goes to `out`. */
async function runDemo(
  { work, out }: { readonly work: string; readonly out: string },
  say: Say,
): Promise<Counts & { readonly entries: number }> {
  const folder = join(work, 'demo');
  const ports = { gatewayPort: await freePort(), apiPort: await freePort() };
  let demo: Demo | undefined;
  let daemon: DaemonProcess | undefined;
  let isInterrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      // Whatever is tried at this moment fails by it, and everything is stopped on the way out.
      isInterrupted = true;
      void daemon?.stop();
    });
  try {
    demo = await prepareDemo({ folder, ...ports, say });
    check(!isInterrupted, 'interrupted');
    daemon = await startDaemonProcess(demo.config, () => undefined);
    const counts = await tryAll(ports.gatewayPort, demo, say);
    check((await daemon.stop()) === 0, 'the daemon did not stop cleanly');
    say('with the daemon stopped:');
    const entries = await verifyOffline({ home: folder, out }, say);
    return { ...counts, entries };
  } finally {
    await daemon?.stop();
    await demo?.postgres.stop();
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { json: { type: 'boolean' }, dir: { type: 'string' } } });
  const say: Say = (line) => (values.json ? process.stderr : process.stdout).write(`${line}\n`);
  const started = performance.now();
  const work = mkdtempSync(join(tmpdir(), 'sealrail-demo-'));
  // PostgreSQL, as nobody, has to find its way through.
  chmodSync(work, 0o711);
  try {
    const out = values.dir === undefined ? join(work, 'out') : resolve(values.dir);
    mkdirSync(out, { recursive: true });
    // Before the work, not after it.
    clearTree(join(out, 'log'));
    const { allowed, denied, masked, entries } = await runDemo({ work, out }, say);
    const seconds = Math.round((performance.now() - started) / 100) / 10;
    const summary = { allowed, denied, masked, entries, verified: true, seconds };
    if (values.json) console.log(JSON.stringify(summary));
    else
      say(
        `${allowed} allowed, ${masked} of them masked, ${denied} denied, ${entries} entries, verified, ${seconds} s`,
      );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(`error: ${error instanceof Error ? error.message : error}`);
  process.exit(error instanceof DemoError ? error.exit : 1);
});

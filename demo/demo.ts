/**
 * `npm run demo`: the main job, scripted and self-checking. Through a real client connection: what is
 * allowed goes through, what policy forbids does not and changes nothing; then the daemon stops and the log
 * is verified by its files and a public key alone, and a flipped byte in a copy is named.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import {
  type DaemonProcess,
  type Demo,
  prepareDemo,
  sealrailBin,
  startDaemonProcess,
} from './place.ts';
import { freePort } from './postgres.ts';
import { SHOP_DATABASE, shopChecksum } from './shop.ts';

interface Try {
  readonly what: string;
  readonly as: string;
  readonly sql: string;
  readonly values?: readonly unknown[];
  /** SQLSTATE of a denial, and a word of its message. */
  readonly denied?: readonly [string, RegExp];
}

/** What leaves the shop as it was; the writes among them are taken back by the last. */
const TRIES: readonly Try[] = [
  {
    what: 'a read',
    as: 'alice',
    sql: 'SELECT id, name, city FROM customers WHERE id = $1',
    values: [42],
  },
  {
    what: 'a join with an aggregate',
    as: 'alice',
    sql: "SELECT c.city, count(*) FROM customers c JOIN orders o ON o.customer_id = c.id WHERE o.status = 'paid' GROUP BY c.city",
  },
  {
    what: 'a write by key, in a transaction',
    as: 'svc',
    sql: "BEGIN; UPDATE orders SET status = 'shipped' WHERE id = 7; ROLLBACK",
  },
  {
    what: 'an insert',
    as: 'svc',
    sql: "INSERT INTO products VALUES (1000001, 'SKU-DEMO', 'Demo', 100)",
  },
  {
    what: 'a delete by key',
    as: 'svc',
    sql: 'DELETE FROM products WHERE id = $1',
    values: [1_000_001],
  },
  {
    what: 'DELETE without WHERE',
    as: 'alice',
    sql: 'DELETE FROM customers',
    denied: ['42501', /sql-unscoped-write/],
  },
  {
    what: 'DELETE with a WHERE that is always true',
    as: 'svc',
    sql: 'DELETE FROM orders WHERE id = id OR 1 = 1',
    denied: ['42501', /sql-unscoped-write/],
  },
  { what: 'DROP', as: 'dba', sql: 'DROP TABLE payments', denied: ['42501', /sql-destructive/] },
  {
    what: 'a CTE that modifies data',
    as: 'alice',
    sql: 'WITH gone AS (DELETE FROM customers RETURNING id) SELECT count(*) FROM gone',
    denied: ['42501', /sql-unscoped-write/],
  },
  {
    what: 'a second statement in a batch',
    as: 'alice',
    sql: 'SELECT 1; DELETE FROM payments',
    denied: ['42501', /sql-unscoped-write/],
  },
  {
    what: "an agent's look at personal data",
    as: 'agent-1',
    sql: 'SELECT email FROM customers LIMIT 5',
    denied: ['42501', /agent-no-personal-data/],
  },
  {
    what: 'what does not parse',
    as: 'alice',
    sql: 'DELETE FORM customers',
    denied: ['42601', /syntax error/],
  },
];

class CheckFailed extends Error {}
const check = (holds: boolean, what: string): void => {
  if (!holds) throw new CheckFailed(`check failed: ${what}`);
};

interface Counts {
  allowed: number;
  denied: number;
}

async function attempt(
  port: number,
  demo: Demo,
  one: Try,
  counts: Counts,
  say: (line: string) => void,
): Promise<void> {
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
    await client.query(one.sql, one.values as unknown[] | undefined);
    check(one.denied === undefined, `${one.what} went through`);
    counts.allowed++;
    say(`  allowed  ${one.what}`);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (error instanceof CheckFailed || one.denied === undefined) throw error;
    check(
      code === one.denied[0] && one.denied[1].test(message),
      `${one.what} was refused with ${code}: ${message}`,
    );
    counts.denied++;
    say(`  denied   ${one.what}: ${message}`);
  } finally {
    await client.end();
  }
}

function verify(
  log: string,
  vkey: string,
): {
  status: number | null;
  report: {
    ok: boolean;
    entries: number;
    findings: readonly { what: string; path?: string; index?: number }[];
  };
} {
  const done = spawnSync(process.execPath, [sealrailBin, 'verify', log, '--key', vkey, '--json'], {
    encoding: 'utf8',
  });
  check(done.stdout !== '', `verify said nothing: ${done.stderr}`);
  return { status: done.status, report: JSON.parse(done.stdout.trim().split('\n').at(-1) ?? '') };
}

/** The tree alone, carried to another folder, and the public key: nothing else of what the daemon has. */
function verifyOffline(folder: string, out: string, say: (line: string) => void): number {
  rmSync(join(out, 'log'), { recursive: true, force: true });
  cpSync(join(folder, 'data/log'), join(out, 'log'), { recursive: true });
  writeFileSync(join(out, 'log.vkey'), readFileSync(join(folder, 'log.vkey')));
  const good = verify(join(out, 'log'), join(out, 'log.vkey'));
  check(good.status === 0 && good.report.ok, 'the log does not verify');
  say(`  verified ${good.report.entries} entries by files and a public key`);

  const altered = mkdtempSync(join(tmpdir(), 'sealrail-altered-'));
  try {
    cpSync(join(out, 'log'), join(altered, 'log'), { recursive: true });
    const bundle =
      spawnSync('find', [join(altered, 'log/tile/entries'), '-type', 'f'], { encoding: 'utf8' })
        .stdout.trim()
        .split('\n')
        .sort()
        .at(-1) ?? '';
    const bytes = readFileSync(bundle);
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    writeFileSync(bundle, bytes);
    const bad = verify(join(altered, 'log'), join(out, 'log.vkey'));
    const named = bad.report.findings.find(
      ({ path }) => path !== undefined && bundle.endsWith(path),
    );
    check(
      bad.status === 65 && !bad.report.ok && named !== undefined,
      'a flipped byte was not named',
    );
    say(`  found    one flipped byte: ${named?.what}`);
  } finally {
    rmSync(altered, { recursive: true, force: true });
  }
  return good.report.entries;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { json: { type: 'boolean' }, dir: { type: 'string' } } });
  const say = (line: string) => (values.json ? process.stderr : process.stdout).write(`${line}\n`);
  const started = performance.now();
  const work = mkdtempSync(join(tmpdir(), 'sealrail-demo-'));
  const out = values.dir === undefined ? join(work, 'out') : resolve(values.dir);
  mkdirSync(out, { recursive: true });
  chmodSync(work, 0o711);
  const counts: Counts = { allowed: 0, denied: 0 };
  let demo: Demo | undefined;
  let daemon: DaemonProcess | undefined;
  try {
    demo = await prepareDemo({
      folder: join(work, 'demo'),
      gatewayPort: await freePort(),
      apiPort: await freePort(),
      say,
    });
    daemon = await startDaemonProcess(demo.config, () => undefined);
    const port = daemon.ready.gateways[0]?.address.port ?? 0;
    const direct = new pg.Client({ connectionString: demo.postgres.url(SHOP_DATABASE) });
    await direct.connect();
    const before = await shopChecksum(direct);
    say('through the gateway, as a client:');
    for (const one of TRIES) await attempt(port, demo, one, counts, say);
    check((await shopChecksum(direct)) === before, 'the database changed');
    say('  the database is what it was, row by row');
    await direct.end();
    check((await daemon.stop()) === 0, 'the daemon did not stop cleanly');
    say('with the daemon stopped:');
    const entries = verifyOffline(join(work, 'demo'), out, say);
    const seconds = Math.round((performance.now() - started) / 100) / 10;
    const summary = { ...counts, masked: 0, entries, verified: true, seconds };
    if (values.json) console.log(JSON.stringify(summary));
    else
      say(
        `${counts.allowed} allowed, ${counts.denied} denied, ${entries} entries, verified, ${seconds} s`,
      );
  } finally {
    await daemon?.stop();
    await demo?.postgres.stop();
    rmSync(work, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(`error: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
});

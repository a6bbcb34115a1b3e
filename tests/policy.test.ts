/** The way of a policy, as people go it: a real gateway's log, a running daemon, and the commands of the README. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runSealrail } from '../demo/daemon.ts';
import { loadPolicies } from '../packages/server/src/config/policies.ts';
import { replayLog } from '../packages/server/src/policy/replay-log.ts';
import { candidateSet, generateLog } from '../packages/server/testing/generated-log.ts';
import { BENIGN, SHOP } from './facts/benign.ts';
import { entriesFrom, type System, scratch, startSystem } from './system.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const NO_EXTRAS = `
@id("no-order-items") @severity("high")
@message("order items are closed") @hint("ask for them to be opened")
forbid (principal, action in Action::"sql.any", resource == Table::"shop.shop.order_items");
`;

let system: System;
let home = '';
let folder = '';
let candidate = '';
beforeAll(async () => {
  home = scratch('policies');
  [folder, candidate] = [join(home, 'policies'), join(home, 'candidate')];
  cpSync(join(root, 'packages/server/policies'), folder, { recursive: true });
  cpSync(folder, candidate, { recursive: true });
  writeFileSync(join(candidate, 'extra.cedar'), NO_EXTRAS);
  system = await startSystem({
    database: 'shop',
    role: 'shop_role',
    setup: `${SHOP} GRANT USAGE ON SCHEMA shop TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA shop TO PUBLIC;
      ALTER ROLE shop_role SET search_path = shop;`,
    policies: folder,
    users: [
      { name: 'alice', type: 'human', groups: ['analysts', 'writers'] },
      { name: 'sam', type: 'human', groups: ['security'] },
      { name: 'agent-1', type: 'agent', groups: ['agents'] },
    ],
  });
});
afterAll(async () => {
  await system?.stop();
  rmSync(home, { recursive: true, force: true });
});

const sealrail = (...args: string[]) => runSealrail([...args, '-c', system.config]);
const json = async (...args: string[]) => {
  const { code, stdout } = await sealrail(...args, '--json');
  const found = JSON.parse(stdout) as Readonly<Record<string, unknown>>;
  return { ...found, code } as Readonly<Record<string, unknown>>;
};
interface Decided {
  readonly id: string;
  readonly kind: string;
  readonly statement?: string;
  readonly decision?: { readonly verdict: string; readonly code: string };
}
const entries = () => entriesFrom<Decided>(system.api, 0);

async function everything(user: string): Promise<void> {
  const client = new pg.Client({ connectionString: system.url(user) });
  await client.connect();
  const all = [
    ...BENIGN,
    'DELETE FROM order_items',
    'SELECT nothing',
    'SELEC',
    'BEGIN; SELECT 1; COMMIT',
  ];
  for (const text of all) await client.query(text).catch(() => undefined);
  await client.query('BEGIN');
  await client.query(
    'UPDATE order_items SET quantity = $1 WHERE order_id = $2 AND line = $3',
    [2, 7, 1],
  );
  await client.query('ROLLBACK');
  await client.end();
}

/** The published files lag behind the daemon; whoever reads them sees what was signed. */
async function signed(): Promise<void> {
  for (;;) {
    const page = (await (await fetch(`${system.api}/api/entries?limit=1`)).json()) as {
      size: number;
      signedSize: number;
    };
    // Looking is an entry, too, but not of each look.
    if (page.signedSize >= page.size - 1) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('a log that a gateway wrote', () => {
  test('comes out as it was logged, every decision of it, while the daemon runs', async () => {
    for (const user of ['alice', 'agent-1']) await everything(user);
    await signed();
    const found = await json('log', 'recheck');
    const { same, notRecomputed } = found as { same?: number; notRecomputed?: object };
    expect(found).toMatchObject({ code: 0, different: 0, differences: [], damaged: [] });
    expect(same).toBeGreaterThan(50);
    expect(Object.keys(notRecomputed ?? {})).toEqual(['not-understood']);
  });

  test('is replayed under other policies: only what they forbid changes', async () => {
    expect(await json('policy', 'replay', folder)).toMatchObject({
      code: 0,
      changes: {},
      otherReason: 0,
    });
    const found = await json('policy', 'replay', candidate);
    expect(Object.keys(found.changes as object)).toEqual(['allow→deny']);
    expect(found.byPolicy).toMatchObject([{ name: 'no-order-items' }]);
  });

  test('has the same replay whichever number of threads reads it', async () => {
    const place = scratch('replay');
    try {
      const log = await generateLog(place, 3_000);
      const set = candidateSet(30);
      const [alone, two] = [
        await replayLog({ ...log, candidate: set.canonical, workers: 0 }),
        await replayLog({ ...log, candidate: set.canonical, workers: 2 }),
      ];
      set.close();
      expect(alone.decisions).toBe(3_000);
      expect(two).toEqual(alone);
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  });
});

describe('the commands of the README', () => {
  test('do what it says', async () => {
    const [, section = ''] =
      /\n## Changing policies\n([\s\S]*?)\n## /.exec(
        readFileSync(join(root, 'README.md'), 'utf8'),
      ) ?? [];
    const lines = section.split('\n').filter((line) => line.startsWith('npx sealrail '));
    expect(lines).toHaveLength(6);
    const denied = (await entries()).findIndex(({ decision }) => decision?.code === 'forbidden');
    for (const line of lines) {
      const words = [...line.replace(/#.*/, '').matchAll(/"([^"]*)"|(\S+)/g)].map(
        ([, quoted, plain]) => quoted ?? plain ?? '',
      );
      const args = words
        .slice(2)
        .map((word) => (word === 'candidate' ? candidate : word === '12' ? `${denied}` : word));
      const env = { SEALRAIL_USER: 'sam', SEALRAIL_PASSWORD: system.password('sam') };
      const { code, stdout, stderr } = await runSealrail([...args, '-c', system.config], env);
      expect({ line, code, stderr }).toMatchObject({ line, code: 0 });
      expect(stdout, line).not.toBe('');
    }
  });
});

describe('applied policies', () => {
  const apply = (user: string, ...args: string[]) =>
    runSealrail(['policy', 'apply', candidate, ...args, '-c', system.config], {
      SEALRAIL_USER: user,
      SEALRAIL_PASSWORD: system.password(user),
    });

  test('decide the next statement, stand in the log, and survive a restart', async () => {
    const client = new pg.Client({ connectionString: system.url('alice') });
    await client.connect();
    await expect(client.query('SELECT * FROM order_items LIMIT 1')).rejects.toThrow(
      /no-order-items/,
    );
    await client.end();
    const all = await entries();
    expect(all).toContainEqual(
      expect.objectContaining({
        kind: 'change',
        what: 'policy-set',
        why: expect.stringMatching(/^applied by sam/),
      }),
    );
    const set = loadPolicies(folder);
    expect(set.byId.has('no-order-items')).toBe(true);
    await system.stopDaemon();
    await system.startDaemon();
    const { policySet } = (await (await fetch(`${system.api}/api/status`)).json()) as {
      policySet: string;
    };
    expect(policySet).toBe(set.digest);
    set.close();
  });

  test('are refused where nothing is to be done, an older version comes back, or somebody else asks', async () => {
    expect(await apply('sam')).toMatchObject({ code: 64 });
    rmSync(join(candidate, 'extra.cedar'));
    expect(await apply('sam')).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('older version'),
    });
    expect(await apply('sam', '--rollback')).toMatchObject({
      code: 75,
      stdout: expect.stringContaining('change-guardrails'),
    });
    appendFileSync(join(candidate, 'grants.cedar'), NO_EXTRAS.replaceAll('order-items', 'orders'));
    expect(await apply('alice')).toMatchObject({ code: 77 });
    const wrong = await runSealrail(['policy', 'apply', candidate, '-c', system.config], {
      SEALRAIL_USER: 'sam',
      SEALRAIL_PASSWORD: 'wrong-password',
    });
    expect(wrong).toMatchObject({ code: 77, stderr: expect.stringContaining('wrong') });
  });

  test('of an exception: its patch applies, its cases hold, and it waits for other people', async () => {
    const denied = (await entries()).findIndex(
      ({ statement, decision }) =>
        statement === 'DELETE FROM order_items' && decision?.code === 'forbidden',
    );
    const place = join(home, 'excepted');
    mkdirSync(place);
    cpSync(folder, place, { recursive: true });
    const patch = join(home, 'x.patch');
    expect(
      await sealrail('policy', 'except', `${denied}`, '--ttl', '30d', '--write', patch),
    ).toMatchObject({ code: 0 });
    execFileSync('git', ['apply', '-p1', patch], { cwd: place });
    expect(await sealrail('policy', 'test', place)).toMatchObject({ code: 0 });
    const env = { SEALRAIL_USER: 'sam', SEALRAIL_PASSWORD: system.password('sam') };
    expect(await runSealrail(['policy', 'apply', place, '-c', system.config], env)).toMatchObject({
      code: 75,
    });
    await signed();
    expect(await json('log', 'recheck')).toMatchObject({ code: 0, different: 0 });
  });
});

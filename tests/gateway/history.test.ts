/** Rates, lockouts and taints before a real database: what a principal did decides what it may do now. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectGuard } from '@sealrail/sdk';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { remoteAct } from '../../packages/sdk/testing/remote.ts';
import {
  DATABASE,
  type GatewaySystem,
  PASSWORD,
  policies,
  startGatewaySystem,
} from '../../packages/server/testing/gateway-system.ts';
import { postgresProgram, runProgram } from '../pgbench.ts';
import { type System, scratch, startSystem } from '../system.ts';

const POLICIES = `
@id("all") @severity("info") @message("everything") @hint("none")
permit (principal, action in Action::"sql.any", resource);
@id("no-unscoped-write") @severity("high") @message("this writes every row") @hint("name the rows")
forbid (principal, action in [Action::"sql.update", Action::"sql.delete"], resource)
when { context.sql.scope == Scope::"none" };
@id("agent-rate") @severity("medium") @unless("within-rate") @rate("60/1m") @key("principal")
@message("too many actions a minute") @hint("wait, and batch")
forbid (principal is Agent, action in Action::"any", resource);
@id("agent-lockout") @severity("high") @message("too many denied actions: this agent is paused for a minute")
@hint("read the denials; do not retry variants")
forbid (principal is Agent, action in Action::"any", resource)
when { context.meta.history.denied1m >= 5 };
@id("taint") @severity("info") @unless("tainted") @labels("orders") @ttl("1h") @message("seen") @hint("none")
forbid (principal, action == Action::"sql.select", resource == Table::"\\"shop-target\\".public.orders");
@id("no-write-after") @severity("high") @message("who has read orders writes nothing") @hint("begin anew")
forbid (principal, action == Action::"sql.insert", resource)
when { context.meta.history.taints.contains("orders") };
`;

const psql = postgresProgram('psql') ?? '';

interface Refused {
  readonly code?: string;
  readonly message: string;
  readonly detail?: string;
}

describe('an agent', () => {
  let system: GatewaySystem;
  let bot: pg.Client;
  beforeAll(async () => {
    system = await startGatewaySystem(`
      CREATE TABLE t (id integer PRIMARY KEY);
      CREATE TABLE orders (id integer PRIMARY KEY);
      GRANT ALL ON t, orders TO ROLE;`);
    system.guard.replace(policies(POLICIES));
  });
  afterAll(() => system?.stop());
  beforeEach(async () => {
    // Nothing of the test before is in any window, and no taint is left.
    system.log.aheadMs += 2 * 3_600_000;
    bot = await connect();
  });
  afterEach(() => bot.end());

  async function connect(user = 'bot'): Promise<pg.Client> {
    const { host, port } = system.gateway.address;
    const client = new pg.Client({ host, port, user, password: PASSWORD, database: DATABASE });
    // The server ends what is still open when a test's system stops.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }
  const outcome = (client: pg.Client, sql: string): Promise<string> =>
    client.query(sql).then(
      () => 'ok',
      ({ message }: Refused) => /policy (\S+):/.exec(message)?.[1] ?? message,
    );

  test('may do sixty things a minute; the next is refused and told how long to wait', async () => {
    for (let i = 0; i < 60; i++) expect(await outcome(bot, 'SELECT 1')).toBe('ok');
    const refused = await bot.query('SELECT 1').then(
      () => undefined,
      (error: Refused) => error,
    );
    expect(refused).toMatchObject({
      code: '42501',
      message: 'denied by policy agent-rate: too many actions a minute',
    });
    const waitMs = Number(/retryAfterMs (\d+)/.exec(refused?.detail ?? '')?.[1]);
    expect(waitMs).toBeGreaterThan(50_000);
    expect(waitMs).toBeLessThanOrEqual(61_000);
    // Another session, and another way of asking, is the same agent.
    const again = await connect();
    expect(await outcome(again, 'SELECT 1')).toBe('agent-rate');
    await expect(again.query({ text: 'SELECT $1::int', values: [1] })).rejects.toThrow(
      /agent-rate/,
    );
    await again.end();
    // A service is not an agent.
    const service = await connect('svc');
    expect(await outcome(service, 'SELECT 1')).toBe('ok');
    await service.end();
    system.log.aheadMs += waitMs;
    expect(await outcome(bot, 'SELECT 1')).toBe('ok');
  });

  test.skipIf(!psql)('reads in psql when to come back', async () => {
    for (let i = 0; i < 60; i++) await bot.query('SELECT 1');
    const { host, port } = system.gateway.address;
    const where = ['-h', host, '-p', String(port), '-U', 'bot', DATABASE];
    const { out } = await runProgram(psql, ['-X', ...where, '-c', 'SELECT 1'], PASSWORD);
    expect(out).toMatch(/denied by policy agent-rate/);
    expect(out).toMatch(/retryAfterMs \d+/);
  });

  test('is paused by five denials, and the pause ends by itself however often it asks', async () => {
    for (let i = 0; i < 5; i++) {
      expect(await outcome(bot, 'DELETE FROM t')).toBe('no-unscoped-write');
    }
    expect(await outcome(bot, 'SELECT 1')).toBe('agent-lockout');
    for (let seconds = 0; seconds < 50; seconds += 10) {
      system.log.aheadMs += 10_000;
      expect(await outcome(bot, 'SELECT 1')).toBe('agent-lockout');
    }
    system.log.aheadMs += 12_000;
    expect(await outcome(bot, 'SELECT 1')).toBe('ok');
  });

  test('is marked by what it has read, in every session and until the time is over', async () => {
    expect(await outcome(bot, 'INSERT INTO t VALUES (1)')).toBe('ok');
    expect(await outcome(bot, 'SELECT * FROM orders')).toBe('ok');
    const again = await connect();
    expect(await outcome(again, 'INSERT INTO t VALUES (2)')).toBe('no-write-after');
    await again.end();
    system.log.aheadMs += 3_600_000;
    expect(await outcome(bot, 'INSERT INTO t VALUES (2)')).toBe('ok');
  });

  test('has nothing back of what failed: it had begun', async () => {
    const fails = { text: 'SELECT 1/$1::int', values: [0] };
    for (let i = 0; i < 30; i++) await bot.query(fails).catch(() => undefined);
    const from = system.log.entries.length;
    for (let i = 0; i < 30; i++) await bot.query(fails).catch(() => undefined);
    expect(await outcome(bot, 'SELECT 1')).toBe('agent-rate');
    const outcomes = system.log.of('outcome', from).map((one) => one.outcome.status);
    expect(new Set(outcomes)).toEqual(new Set(['failed']));
  });
});

describe('a restart', () => {
  let system: System;
  let folder: string;
  beforeAll(async () => {
    folder = scratch('history');
    writeFileSync(join(folder, 'history.cedar'), POLICIES, { mode: 0o600 });
    system = await startSystem({
      database: 'shop',
      role: 'plain',
      users: [{ name: 'bot', type: 'agent', groups: [] }],
      policies: folder,
    });
  });
  afterAll(async () => {
    await system?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function attempts(count: number): Promise<string[]> {
    const client = new pg.Client({ connectionString: system.url('bot') });
    client.on('error', () => undefined);
    await client.connect();
    const seen: string[] = [];
    for (let i = 0; i < count; i++) {
      const one = client.query('SELECT 1').then(
        () => 'ok',
        ({ message }: Refused) => message,
      );
      seen.push(await one);
    }
    await client.end();
    return seen;
  }

  /** A process beside the gateway, through the daemon's own guard. */
  async function attemptsBeside(count: number): Promise<number> {
    const guard = await connectGuard(join(system.folder, 'data/private/guard.sock'));
    let allowed = 0;
    for (let i = 0; i < count; i++) {
      const { blocked, decisionId } = await guard.decide(remoteAct());
      if (blocked) continue;
      allowed++;
      const outcome = { status: 'executed' } as const;
      await guard.outcome({ decisionId, outcome, durationUs: 1 }, remoteAct());
    }
    guard.close();
    return allowed;
  }

  test('is no way out of a rate, be it clean or a kill, and another process is none', async () => {
    const first = await attempts(30);
    expect(await attemptsBeside(10)).toBe(10);
    await system.stopDaemon('SIGKILL');
    await system.startDaemon();
    const second = await attempts(15);
    await system.stopDaemon();
    await system.startDaemon();
    const third = await attempts(10);
    expect(await attemptsBeside(3)).toBe(0);
    const all = [...first, ...second, ...third];
    expect(all.filter((one) => one === 'ok')).toHaveLength(50);
    expect(third.at(-1)).toMatch(/agent-rate/);
  });
});

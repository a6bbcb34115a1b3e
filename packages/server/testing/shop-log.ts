/**
 * A real log in a scratch folder with believable entries, for tests of whatever shows it: decisions go
 * through the guard and the shipped policies, as a gateway's would.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Act,
  type Guard,
  type Json,
  loadPolicySet,
  NO_PREVIOUS,
  openGuard,
  openRecorder,
  openSideStore,
  type PolicySet,
  type Recorder,
  schemaText,
  systemClock,
} from '@sealrail/sdk';
import { createLog, formatSecretKey, type Log, openLog, secretKeyFromSeed } from '@sealrail/tlog';
import { actionOf, type SqlCase } from '../../sdk/testing/sql.ts';
import type { TargetStatus } from '../src/api/status.ts';

export const ORIGIN = 'example.com/shop';

export interface ShopLog {
  readonly log: Log;
  readonly recorder: Recorder;
  readonly guard: Guard;
  readonly policies: PolicySet;
  readonly logDir: string;
  readonly targets: readonly TargetStatus[];
  /** Records one statement of somebody, and its outcome where it is allowed; resolves with the decision. */
  act(statement: ShopStatement): Promise<{ readonly index: number; readonly id: string }>;
  /** Waits until everything that is durable is covered by the published checkpoint. */
  signed(): Promise<void>;
  close(): Promise<void>;
}

export interface ShopStatement extends SqlCase {
  readonly text: string;
  readonly template: string;
  readonly values?: readonly string[];
  readonly rows?: number;
  readonly transaction?: string;
}

const PUBLISHED_WAIT_MS = 20;

function loadShipped(): PolicySet {
  const folder = fileURLToPath(new URL('../policies', import.meta.url));
  const names = readdirSync(folder).filter((name) => name.endsWith('.cedar'));
  const files = names.map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
  const loaded = loadPolicySet(files, schemaText());
  if (Array.isArray(loaded)) throw new Error(JSON.stringify(loaded));
  return loaded;
}

export async function openShopLog(): Promise<ShopLog> {
  const folder = mkdtempSync(join(tmpdir(), 'sealrail-shop-'));
  const dir = join(folder, 'data');
  const key = formatSecretKey(secretKeyFromSeed(ORIGIN, randomBytes(32)));
  const options = { dir, stateDir: join(folder, 'state'), key, durability: 'none' } as const;
  await createLog(options);
  const log = await openLog(options);
  const sideStore = await openSideStore({ folder: join(dir, 'private'), random: randomBytes });
  const recorder = openRecorder({
    log,
    sideStore,
    source: { id: 'daemon-1', type: 'daemon', version: '0.1.0', epoch: log.recovery.epoch },
    previous: NO_PREVIOUS,
    clock: systemClock(),
    random: randomBytes,
  });
  const policies = loadShipped();
  const guard = openGuard({ recorder, policySet: policies, docs: 'http://127.0.0.1/entries/' });
  const listen = { host: '127.0.0.1', port: 6432 };
  return {
    log,
    recorder,
    guard,
    policies,
    logDir: join(dir, 'log'),
    targets: [{ name: 'shop', kind: 'postgres', env: 'prod', mode: 'enforce', listen }],
    act: (statement) => record(guard, statement),
    signed: async () => {
      while (log.checkpoint().size < log.size) {
        await new Promise((resolve) => setTimeout(resolve, PUBLISHED_WAIT_MS));
      }
    },
    close: async () => {
      await log.close();
      await sideStore.close();
      policies.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function record(guard: Guard, one: ShopStatement) {
  const act = actOf(one);
  const { blocked, decisionId, durable } = guard.decide(act);
  const index = await durable;
  if (!blocked) {
    const outcome = { status: 'executed', provisional: one.transaction !== undefined } as const;
    await guard.outcome(
      {
        decisionId,
        outcome: one.transaction === undefined ? { status: 'executed' } : outcome,
        ...(one.transaction === undefined ? {} : { transaction: one.transaction }),
        rows: one.rows ?? 1,
        bytes: 120 * (one.rows ?? 1),
        durationUs: 840,
      },
      act,
    );
  }
  return { index, id: decisionId };
}

function actOf(one: ShopStatement): Act {
  const { type = 'Human', id = 'alice', table = 'customers', verb } = one;
  const action = actionOf(one);
  const literals = one.values ?? [];
  return {
    action,
    target: 'shop',
    mode: 'enforce',
    session: `session-${id}`,
    principal: { type: type.toLowerCase() as 'human', id, proof: 'scram' },
    resources: [{ action: `sql.${verb}`, type: 'Table', id: `shop.public.${table}` }],
    statement: one.template,
    values: [
      ...literals.map((value, at) => ({ at: `/literals/${at + 1}`, value })),
      { at: '/bytes', value: one.text },
    ],
    facts: factsOf(one),
    meta: {},
  };
}

function factsOf(one: ShopStatement): Json {
  const table = { schema: 'public', name: one.table ?? 'customers' };
  const reads = one.verb === 'select';
  return {
    sql: {
      doubts: one.doubts ?? [],
      dialect: 'postgres',
      statements: 1,
      kinds: [`${one.verb[0]?.toUpperCase()}${one.verb.slice(1)}Stmt`],
      scope: one.scope ?? 'no-write',
      volatility: 'immutable',
      readOnly: reads,
      risks: one.risks ?? [],
      tablesRead: reads ? [table] : [],
      tablesWritten: reads ? [] : [table],
      routines: [],
      returnsRows: reads,
      crossJoin: false,
      literals: one.values?.length ?? 0,
      literalKinds: one.values ? ['number'] : [],
      parameters: 0,
    },
  };
}

/** A little of everything that people and agents do in a shop. */
export const SHOP_STATEMENTS: readonly ShopStatement[] = [
  {
    verb: 'select',
    groups: ['analysts'],
    text: 'SELECT id, name, city FROM customers WHERE id = 42',
    template: 'SELECT id, name, city FROM customers WHERE id = $1',
    values: ['42'],
  },
  {
    verb: 'delete',
    scope: 'none',
    groups: ['writers'],
    text: 'DELETE FROM customers',
    template: 'DELETE FROM customers',
  },
  {
    verb: 'update',
    type: 'Service',
    id: 'svc-orders',
    groups: ['writers'],
    table: 'orders',
    scope: 'key',
    text: "UPDATE orders SET status = 'shipped' WHERE id = 7",
    template: 'UPDATE orders SET status = $1 WHERE id = $2',
    values: ["'shipped'", '7'],
  },
  {
    verb: 'select',
    type: 'Agent',
    id: 'agent-1',
    groups: ['agents'],
    shownClasses: ['personal'],
    text: 'SELECT email FROM customers LIMIT 5',
    template: 'SELECT email FROM customers LIMIT $1',
    values: ['5'],
  },
  {
    verb: 'select',
    type: 'Agent',
    id: 'agent-1',
    groups: ['agents'],
    table: 'orders',
    text: "SELECT status, count(*) FROM orders WHERE placed_at > '2026-11-01' GROUP BY status",
    template: 'SELECT status, count(*) FROM orders WHERE placed_at > $1 GROUP BY status',
    values: ["'2026-11-01'"],
    rows: 4,
  },
  {
    verb: 'insert',
    type: 'Service',
    id: 'svc-orders',
    groups: ['writers'],
    table: 'payments',
    text: 'INSERT INTO payments (order_id, cents) VALUES (7, 4999)',
    template: 'INSERT INTO payments (order_id, cents) VALUES ($1, $2)',
    values: ['7', '4999'],
  },
  {
    verb: 'select',
    id: 'mallory',
    table: 'payments',
    text: 'SELECT * FROM payments',
    template: 'SELECT * FROM payments',
  },
  {
    verb: 'delete',
    scope: 'none',
    type: 'Agent',
    id: 'agent-1',
    groups: ['agents'],
    table: 'orders',
    text: 'DELETE FROM orders WHERE true OR id = 3',
    template: 'DELETE FROM orders WHERE true OR id = $1',
    values: ['3'],
  },
];

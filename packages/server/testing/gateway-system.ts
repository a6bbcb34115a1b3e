/** A gateway in this process before a real PostgreSQL, its log in memory and under the test's hand. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type About,
  type ClearValue,
  type EntryFields,
  type Guard,
  loadPolicySet,
  openGuard,
  type PolicySet,
  type Recorder,
  schemaText,
  systemClock,
} from '@sealrail/sdk';
import pg from 'pg';
import { type RunningPostgres, startPostgres } from '../../../demo/postgres.ts';
import type { PgMessage } from '../../../tests/attacks/case.ts';
import { type BackendMessage, encode, WireClient } from '../../../tests/attacks/wire.ts';
import type { ClientTlsConfig, PostgresTarget, TargetMode, User } from '../src/config/config.ts';
import { scramVerifier } from '../src/config/password.ts';
import { type Gateway, openPostgresGateway } from '../src/gateway/postgres/gateway.ts';
import type { Issued } from './certificates.ts';

export const PASSWORD = 'correct-horse-battery';
export const DATABASE = 'shop';
const ROLE = 'gateway_role';

/** Everybody may do what does not change every row, drop anything or change how texts are read. */
export const POLICIES = `
@id("all") @severity("info") @message("everything") @hint("none")
permit (principal, action in Action::"sql.any", resource);
@id("no-unscoped-write") @severity("high") @message("this writes every row") @hint("name the rows")
forbid (principal, action in [Action::"sql.update", Action::"sql.delete"], resource)
when { context.sql.scope == Scope::"none" || context.sql.scope == Scope::"always-true" };
@id("no-drop") @severity("high") @message("this drops or sets what is pinned") @hint("leave it")
forbid (principal, action in Action::"sql.any", resource)
when { context.sql.risks.containsAny([SqlRisk::"drop", SqlRisk::"truncate", SqlRisk::"setting"]) };
`;

export const NOTHING_PERMITTED = `
@id("nobody") @severity("info") @message("nothing") @hint("none")
permit (principal == Human::"nobody-at-all", action, resource);
`;

export function policies(text: string): PolicySet {
  const loaded = loadPolicySet([{ name: 'test.cedar', text }], schemaText());
  if (Array.isArray(loaded)) throw new Error(JSON.stringify(loaded));
  return loaded;
}

export interface Recorded {
  readonly id: string;
  readonly fields: EntryFields;
  readonly about: About;
  readonly values: readonly ClearValue[];
}

/** Keeps what it is given; answers at once, when it is told to, or never well. */
export class TestLog implements Recorder {
  /** How far the clock is ahead of the machine's. */
  aheadMs = 0;
  readonly #system = systemClock();
  readonly clock = (): bigint => this.#system() + BigInt(this.aheadMs) * 1000n;
  readonly entries: Recorded[] = [];
  mode: 'durable' | 'holding' | 'failing' = 'durable';
  readonly #held: (() => void)[] = [];

  record(fields: EntryFields, about: About, values: readonly ClearValue[] = []) {
    const id = crypto.randomUUID();
    const index = this.entries.push({ id, fields, about, values }) - 1;
    const durable =
      this.mode === 'failing'
        ? Promise.reject(new Error('the disk is full'))
        : new Promise<number>((resolve) => {
            if (this.mode === 'holding') this.#held.push(() => resolve(index));
            else resolve(index);
          });
    durable.catch(() => undefined);
    return { id, atMs: Number(this.clock() / 1000n), durable };
  }

  release(): void {
    this.mode = 'durable';
    for (const go of this.#held.splice(0)) go();
  }

  /** Fields of one kind, oldest first. */
  of<K extends EntryFields['kind']>(kind: K, from = 0): Extract<EntryFields, { kind: K }>[] {
    const found = this.entries.slice(from).filter(({ fields }) => fields.kind === kind);
    return found.map(({ fields }) => fields as Extract<EntryFields, { kind: K }>);
  }
}

export interface GatewayVariant {
  readonly mode: TargetMode;
  readonly upstreamPort?: number;
  readonly upstreamHost?: string;
  readonly upstreamTls?: { readonly ca?: string };
  readonly tls?: ClientTlsConfig;
  readonly sessionsMax?: number;
  readonly classes?: PostgresTarget['classes'];
}

export interface GatewaySystem {
  readonly postgres: RunningPostgres;
  readonly admin: pg.Client;
  readonly log: TestLog;
  readonly guard: Guard;
  readonly gateway: Gateway;
  /** A second gateway before the same database. */
  open(options: GatewayVariant): Promise<Gateway>;
  /** What such a gateway guards, to reload it with something else. */
  target(options: GatewayVariant): PostgresTarget;
  login(user?: string, gateway?: Gateway): Promise<WireClient>;
  /** Straight to the server, as the role that the gateway uses. */
  direct(): Promise<WireClient>;
  stop(): Promise<void>;
}

const user = (name: string, groups: readonly string[], type: User['type'] = 'service'): User => ({
  name,
  type,
  groups,
  roles: [],
  scram: scramVerifier(PASSWORD),
});
const USERS = [user('svc', ['services']), user('other', []), user('bot', [], 'agent')];

/** With a certificate the server itself offers TLS too. */
export async function startGatewaySystem(
  setup: string,
  certificate?: Issued,
): Promise<GatewaySystem> {
  const folder = mkdtempSync(join(tmpdir(), 'sealrail-gateway-'));
  // PostgreSQL's folder is its own, and its user has to reach it.
  chmodSync(folder, 0o711);
  const dir = join(folder, 'postgres');
  const postgres = await startPostgres({ dir, ...(certificate && { certificate }) });
  const admin = new pg.Client({ connectionString: postgres.url() });
  await admin.connect();
  await admin.query(`CREATE ROLE ${ROLE} LOGIN PASSWORD '${postgres.password}'`);
  await admin.query(`CREATE DATABASE ${DATABASE}`);
  await admin.end();
  const owner = new pg.Client({ connectionString: postgres.url(DATABASE) });
  await owner.connect();
  await owner.query(setup.replaceAll('ROLE', ROLE));
  const log = new TestLog();
  const guard = openGuard({ recorder: log, policySet: policies(POLICIES) });
  const gateways: Gateway[] = [];
  const target = (variant: GatewayVariant) => targetOf(variant, postgres);
  const open: GatewaySystem['open'] = async (variant) => {
    const { sessionsMax } = variant;
    const gateway = await openPostgresGateway({
      ...(sessionsMax === undefined ? {} : { sessionsMax }),
      target: target(variant),
      users: () => USERS,
      guard,
      recorder: log,
      newId: () => crypto.randomUUID(),
      nowMs: () => Date.now(),
      nowUs: () => performance.now() * 1_000,
    });
    gateways.push(gateway);
    return gateway;
  };
  const gateway = await open({ mode: 'enforce' });
  return {
    postgres,
    admin: owner,
    log,
    guard,
    gateway,
    open,
    target,
    login: (name = 'svc', at = gateway) => login(at.address.port, name, PASSWORD),
    direct: () => login(postgres.port, ROLE, postgres.password),
    stop: async () => {
      log.release();
      await Promise.all(gateways.map((one) => one.close(0)));
      await owner.end();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function targetOf(variant: GatewayVariant, postgres: RunningPostgres): PostgresTarget {
  const { mode, upstreamHost = '127.0.0.1', upstreamPort = postgres.port } = variant;
  const { tls, upstreamTls, classes = {} } = variant;
  return {
    kind: 'postgres',
    name: 'shop-target',
    env: 'test',
    mode,
    listen: { host: '127.0.0.1', port: 0 },
    ...(tls && { tls }),
    upstream: {
      host: upstreamHost,
      port: upstreamPort,
      user: ROLE,
      database: DATABASE,
      password: postgres.password,
      ...(upstreamTls && { tls: upstreamTls }),
      accept: ['create_in_search_path'],
    },
    classes,
  };
}

async function login(port: number, name: string, password: string): Promise<WireClient> {
  const { client, answer } = await WireClient.login({
    port,
    user: name,
    password,
    database: DATABASE,
  });
  if (answer.error) throw new Error(`${answer.error.code} ${answer.error.message}`);
  return client;
}

export const query = (sql: string): PgMessage => ({ Query: { sql } });
export const parse = (name: string, sql: string): PgMessage => ({
  Parse: { name, sql, types: [] },
});
export const bind = (
  portal: string,
  name: string,
  ...params: readonly (string | null)[]
): PgMessage => ({ Bind: { portal, name, params } });
export const execute = (portal: string, maxRows = 0): PgMessage => ({
  Execute: { portal, maxRows },
});
export const describePortal = (name: string): PgMessage => ({ Describe: { kind: 'P', name } });
export const close = (kind: 'S' | 'P', name: string): PgMessage => ({ Close: { kind, name } });
export const sync: PgMessage = { Sync: {} };
export const copyData = (text: string): PgMessage => ({ CopyData: { text } });
export const copyDone: PgMessage = { CopyDone: {} };
/** Parse, Bind and Execute of an unnamed statement, without their Sync. */
export const run = (sql: string, ...params: readonly string[]): PgMessage[] => [
  parse('', sql),
  bind('', '', ...params),
  execute(''),
];

/** Sends all in one write; answers in short: type, and what tells of it. Waits for `ready` ReadyForQuery. */
export async function talk(
  client: WireClient,
  messages: readonly PgMessage[],
  ready = messages.filter((message) => 'Sync' in message || 'Query' in message).length,
): Promise<string[]> {
  client.write(Buffer.concat(messages.map(encode)));
  const { messages: answers } = await client.answer(ready);
  return summary(answers);
}

/** Each message in short: its type, and what tells of it; notices and settings left out. */
export function summary(answers: readonly BackendMessage[]): string[] {
  return answers.flatMap(({ type, body }) => {
    const text = body.toString('latin1');
    if (type === 'E') return `E ${/\0C([0-9A-Z]{5})\0/.exec(text)?.[1]}`;
    if (type === 'C' || type === 'Z') return `${type} ${text.replaceAll('\0', '')}`;
    // Of a row the values, as text.
    if (type === 'D') return `D ${rowOf(body).join('|')}`;
    return type === 'N' || type === 'S' ? [] : type;
  });
}

function rowOf(body: Buffer): string[] {
  const values: string[] = [];
  let at = 2;
  for (let left = body.readUInt16BE(0); left > 0; left--) {
    const length = body.readInt32BE(at);
    values.push(length < 0 ? 'null' : body.toString('utf8', at + 4, at + 4 + length));
    at += 4 + Math.max(0, length);
  }
  return values;
}

/**
 * A long log of believable decisions in little time, for measuring a replay: some hundred statements of some
 * dozen principals are decided by the guard, and their entries repeated with other ids, times and sessions.
 * Bundles and blobs only; nothing is hashed into a tree or signed.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readSql } from '@sealrail/facts';
import {
  loadPolicySet,
  NO_PREVIOUS,
  openGuard,
  openRecorder,
  type PolicySet,
  schemaText,
} from '@sealrail/sdk';
import { encodeBundle, TILE_WIDTH, tilePath, tileWidth } from '@sealrail/tlog';
import { memoryCatalog } from '../../../tests/facts/catalog.ts';
import type { User } from '../src/config/config.ts';
import { sqlAct } from '../src/gateway/postgres/action.ts';
import { openParser } from '../src/gateway/postgres/parse.ts';
import type { LogFiles } from '../src/policy/log-files.ts';

export interface GeneratedLog {
  readonly files: LogFiles;
  readonly privateFolder: string;
  /** Statements that differ in more than their ids, times and sessions. */
  readonly distinct: number;
}

const START_MS = 1_764_000_000_000;
const TABLES = ['users', 'notes', 'audit', 'staging', 't', 'order_items'];
const PEOPLE = 24;

export async function generateLog(folder: string, decisions: number): Promise<GeneratedLog> {
  const made = await decideOnce();
  const privateFolder = join(folder, 'private');
  mkdirSync(join(privateFolder, 'blobs'), { recursive: true });
  for (const [digest, bytes] of made.blobs)
    writeFileSync(join(privateFolder, 'blobs', digest), bytes);
  const files = { folder: join(folder, 'log'), size: decisions };
  for (let bundle = 0; bundle * TILE_WIDTH < decisions; bundle++) {
    const width = tileWidth('entries', bundle, decisions);
    const entries = Array.from({ length: width }, (_, at) => {
      const n = bundle * TILE_WIDTH + at;
      // 7,919 is prime: neighbours differ as they do where many work at once.
      return varied(made.entries[(n * 7_919) % made.entries.length] ?? '', n);
    });
    const path = join(files.folder, tilePath({ level: 'entries', index: bundle, width }));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, encodeBundle(entries));
  }
  return { files, privateFolder, distinct: made.entries.length };
}

const ID = /"id":"([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})"/;

/** The entry as one of a later moment: its id, its times, its session and its number. */
function varied(text: string, n: number): Buffer {
  const atMs = START_MS + n * 7;
  const time = new Date(atMs).toISOString();
  const hex = atMs.toString(16).padStart(12, '0');
  const id = `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${n.toString(16).padStart(12, '0')}`;
  const changed = text
    .replace(ID, `"id":"${id}"`)
    .replace(/"arg":"2\d{3}-[^"]+Z"/, `"arg":"${time}"`)
    .replaceAll('session-0', `session-${n % 997}`)
    .replace(/"seq":\d+/, `"seq":${n}`)
    .replace(/"time":"[^"]+"/, `"time":"${time.slice(0, -1)}000Z"`);
  return Buffer.from(changed);
}

async function decideOnce() {
  const entries: string[] = [];
  const blobs = new Map<string, Uint8Array>();
  const recorder = openRecorder({
    log: { append: async (bytes) => entries.push(Buffer.from(bytes).toString('utf8')) - 1 },
    sideStore: {
      put: async () => undefined,
      read: async () => ({ kind: 'absent' }),
      readBlob: async (digest) => blobs.get(digest),
      putBlob: async (bytes) => {
        const digest = createHash('sha256').update(bytes).digest('hex');
        blobs.set(digest, bytes);
        return digest;
      },
    },
    source: { id: 'daemon-1', type: 'daemon', version: '0.1.0', epoch: 1 },
    previous: NO_PREVIOUS,
    clock: () => BigInt(START_MS) * 1_000n,
    random: (bytes) => new Uint8Array(bytes).fill(7),
  });
  const policySet = permissive();
  const guard = openGuard({ recorder, policySet });
  const parse = await openParser(18);
  const catalog = memoryCatalog();
  for (const [at, who] of people().entries()) {
    for (const text of statementsOf(at)) {
      const act = sqlAct({
        reading: readSql({ text, parse, catalog }),
        user: who,
        target: { name: 'shop', env: 'prod', classes: { personal: ['public.users.ssn'] } },
        session: 'session-0',
        inTransaction: false,
        text,
        nowMs: START_MS,
        catalog,
      });
      const principal = { type: who.type, id: who.name, proof: 'scram' } as const;
      const about = { session: 'session-0', principal };
      await guard.decide({ ...act, ...about, target: 'shop', mode: 'enforce' }).durable;
    }
  }
  policySet.close();
  return { entries, blobs };
}

const statementsOf = (person: number): string[] =>
  TABLES.flatMap((table, at) => [
    `SELECT * FROM ${table} LIMIT ${at + 1}`,
    `SELECT count(*) FROM ${table}`,
    `DELETE FROM ${table} WHERE ${table === 'order_items' ? 'order_id' : 'id'} = ${person}`,
  ]);

const people = (): User[] =>
  Array.from({ length: PEOPLE }, (_, at) => ({
    name: `user-${at}`,
    type: (['human', 'service', 'agent'] as const)[at % 3] ?? 'human',
    groups: [`g${at % 7}`, ...(at % 2 === 0 ? ['analysts'] : ['writers'])],
    roles: [],
    scram: '',
  }));

function permissive(): PolicySet {
  const text = '@id("all") @message("m") @hint("h") permit (principal, action, resource);';
  const set = loadPolicySet([{ name: 'all.cedar', text }], schemaText());
  if (Array.isArray(set)) throw new Error(JSON.stringify(set));
  return set;
}

/** A set of so many policies over the groups and facts of that log, as a candidate; some read the hour or the time. */
export function candidateSet(policies: number, reads: 'hour' | 'now' = 'hour'): PolicySet {
  const say = '@message("m") @hint("h")';
  const texts = Array.from({ length: policies }, (_, n) => {
    const id = `@id("p${n}") ${say}`;
    const group = `Group::"g${n % 40}"`;
    const verbs = ['select', 'delete', 'update', 'insert'];
    const action = `Action::"sql.${verbs[n % 4]}"`;
    switch (n % 5) {
      case 0:
        return `${id} permit (principal in ${group}, action == ${action}, resource in Env::"prod");`;
      case 1:
        return `${id} permit (principal in ${group}, action in [Action::"sql.select", Action::"sql.session"], resource) when { context.sql.statements <= ${n} };`;
      case 2:
        return `${id} forbid (principal in ${group}, action == ${action}, resource) when { context.sql.scope == Scope::"none" && context.sql.literals > ${n % 3} };`;
      case 3:
        return `${id} forbid (principal, action == ${action}, resource == Table::"shop.public.t${n}") unless { ${reads === 'hour' ? `context.meta.hour < ${n % 24}` : 'context.meta.now < datetime("2026-01-01T00:00:00Z")'} };`;
      default:
        return `${id} forbid (principal is Agent, action == ${action}, resource in Env::"prod") when { context.access.shownClasses.contains("c${n}") || context.sql.risks.contains(SqlRisk::"drop") };`;
    }
  });
  const set = loadPolicySet([{ name: 'candidate.cedar', text: texts.join('\n') }], schemaText());
  if (Array.isArray(set)) throw new Error(JSON.stringify(set.slice(0, 3)));
  return set;
}

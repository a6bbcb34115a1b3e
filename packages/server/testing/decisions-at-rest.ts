/**
 * A log at rest of what people, services and agents did to two databases, the same at every run: `shop` is
 * enforced, `legacy` is watched. Facts are those of the gateway and decisions those of the guard, under
 * policies of its own.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSql } from '@sealrail/facts';
import {
  type Guard,
  loadPolicySet,
  type Mode,
  NO_PREVIOUS,
  openGuard,
  openRecorder,
  openSideStore,
  schemaText,
} from '@sealrail/sdk';
import {
  createLog,
  decodeBundle,
  formatSecretKey,
  formatVkey,
  openLog,
  openSigner,
  secretKeyFromSeed,
} from '@sealrail/tlog';
import { memoryCatalog } from '../../../tests/facts/catalog.ts';
import type { User } from '../src/config/config.ts';
import { sqlAct } from '../src/gateway/postgres/action.ts';
import { openParser } from '../src/gateway/postgres/parse.ts';

const ORIGIN = 'example.com/decided';
const START_MS = 1_764_000_000_000;
const POLICIES = fileURLToPath(new URL('./policies', import.meta.url));

const user = (name: string, type: User['type'], ...groups: string[]): User => ({
  name,
  type,
  groups,
  roles: [],
  scram: '',
});
const alice = user('alice', 'human', 'analysts', 'writers');
const bob = user('bob', 'human', 'analysts');
const svc = user('svc-orders', 'service', 'writers');
const bot = user('agent-1', 'agent', 'agents');
const mallory = user('mallory', 'human');

export interface Statement {
  readonly who: User;
  readonly text: string;
  readonly target?: 'shop' | 'legacy';
  /** Of what ran; absent where nothing did. */
  readonly status?: 'executed' | 'failed';
}

export const STATEMENTS: readonly Statement[] = [
  { who: alice, text: 'SELECT name FROM users WHERE id = 42' },
  { who: alice, text: 'DELETE FROM notes' },
  { who: svc, text: "UPDATE notes SET body = 'x' WHERE id = 7" },
  { who: bot, text: 'SELECT name FROM users LIMIT 5' },
  { who: bot, text: 'SELECT ssn FROM users WHERE id = 1' },
  { who: bot, text: "UPDATE notes SET body = 'y' WHERE id > 3" },
  { who: mallory, text: 'SELECT * FROM users' },
  { who: svc, text: 'DELETE FROM audit WHERE id > 3 AND id < 9' },
  { who: svc, text: 'DELETE FROM audit WHERE id > 4 AND id < 9' },
  { who: alice, text: 'SELEC' },
  { who: bob, text: 'SELECT city, count(*) FROM users GROUP BY city' },
  { who: alice, text: 'DELETE FROM notes', target: 'legacy', status: 'executed' },
  { who: svc, text: 'DELETE FROM notes', target: 'legacy', status: 'failed' },
  { who: alice, text: 'DELETE FROM notes', target: 'legacy', status: 'executed' },
  { who: bot, text: 'SELECT ssn FROM users WHERE id = 3', target: 'legacy', status: 'executed' },
  { who: mallory, text: 'SELECT id FROM notes', target: 'legacy', status: 'executed' },
  { who: alice, text: 'SELECT nothing FROM nowhere', target: 'legacy', status: 'failed' },
  { who: bob, text: 'SELECT id FROM notes', target: 'legacy', status: 'executed' },
];

/** Configuration, policies, keys and the log, in a folder; the log's key is the same at every run. */
export async function writeDecisionsForTest(
  folder: string,
  statements: readonly Statement[] = STATEMENTS,
): Promise<void> {
  const key = formatSecretKey(secretKeyFromSeed(ORIGIN, new Uint8Array(32).fill(4)));
  mkdirSync(join(folder, 'policies'), { recursive: true });
  cpSync(POLICIES, join(folder, 'policies'), { recursive: true });
  writeFileSync(join(folder, 'log.key'), key, { mode: 0o600 });
  writeFileSync(join(folder, 'log.vkey'), formatVkey(openSigner(key).key));
  writeFileSync(join(folder, 'users.yaml'), 'users: {}\n');
  writeFileSync(
    join(folder, 'sealrail.yaml'),
    `log: { dir: ./data, state: ./state, origin: ${ORIGIN}, key: file:./log.key, durability: none }
targets:
  shop:
    kind: postgres
    env: prod
    mode: enforce
    listen: 127.0.0.1:2
    upstream: { url: postgres://role@127.0.0.1:3/shop }
  legacy:
    kind: postgres
    env: prod
    listen: 127.0.0.1:5
    upstream: { url: postgres://role@127.0.0.1:3/legacy }
api: { listen: 127.0.0.1:4 }
`,
  );
  await record(folder, key, statements);
}

async function record(
  folder: string,
  key: string,
  statements: readonly Statement[],
): Promise<void> {
  const places = { dir: join(folder, 'data'), stateDir: join(folder, 'state'), key };
  await createLog({ ...places, durability: 'none' });
  const log = await openLog({ ...places, durability: 'none' });
  const random = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(6);
  const sideStore = await openSideStore({ folder: join(folder, 'data/private'), random });
  let nowMs = START_MS;
  const recorder = openRecorder({
    log,
    sideStore,
    source: { id: 'test', type: 'daemon', version: '1', epoch: 1 },
    previous: NO_PREVIOUS,
    clock: () => {
      nowMs += 1_000;
      return BigInt(nowMs) * 1_000n;
    },
    random,
  });
  const policySet = decidingPolicies();
  const guard = openGuard({ recorder, policySet });
  const parse = await openParser(18);
  for (const one of statements) await act(guard, one, parse, nowMs);
  await log.close();
  await sideStore.close();
  policySet.close();
}

/** Writes the log again with other bytes for some entries, signed with its key: what somebody who has it could do. */
export async function resignForTest(
  folder: string,
  alter: (text: string, index: number) => string,
): Promise<void> {
  const key = readFileSync(join(folder, 'log.key'), 'utf8');
  const entries = decodeBundle(readFileSync(bundleFile(folder)));
  for (const name of ['data/log', 'data/journal', 'state'])
    rmSync(join(folder, name), { recursive: true, force: true });
  const places = { dir: join(folder, 'data'), stateDir: join(folder, 'state'), key };
  await createLog({ ...places, durability: 'none' });
  const log = await openLog({ ...places, durability: 'none' });
  for (const [index, entry] of entries.entries())
    await log.append(Buffer.from(alter(Buffer.from(entry).toString('utf8'), index)));
  await log.close();
}

/** Of a log of fewer than 256 entries. */
function bundleFile(folder: string): string {
  const partial = join(folder, 'data/log/tile/entries/000.p');
  const [widest] = readdirSync(partial).sort((a, b) => Number(b) - Number(a));
  return join(partial, widest ?? '');
}

export function decidingPolicies() {
  const names = readdirSync(POLICIES).filter((name) => name.endsWith('.cedar'));
  const files = names.map((name) => ({ name, text: readFileSync(join(POLICIES, name), 'utf8') }));
  const set = loadPolicySet(files, schemaText());
  if (Array.isArray(set)) throw new Error(JSON.stringify(set));
  return set;
}

async function act(
  guard: Guard,
  { who, text, target = 'shop', status = 'executed' }: Statement,
  parse: Awaited<ReturnType<typeof openParser>>,
  nowMs: number,
): Promise<void> {
  const catalog = memoryCatalog();
  const mode: Mode = target === 'shop' ? 'enforce' : 'observe';
  const made = sqlAct({
    reading: readSql({ text, parse, catalog }),
    user: who,
    target: { name: target, env: 'prod', classes: { personal: ['public.users.ssn'] } },
    session: `session-${who.name}`,
    inTransaction: false,
    text,
    nowMs,
    catalog,
  });
  const about = {
    session: `session-${who.name}`,
    principal: { type: who.type, id: who.name, proof: 'scram' },
  } as const;
  const { blocked, decisionId, durable } = guard.decide({ ...made, ...about, target, mode });
  await durable;
  if (blocked) return;
  await guard.outcome({ decisionId, outcome: { status }, rows: 1, durationUs: 900 }, about);
}

/**
 * Denying must not show in anything but the denial. Random pipelines go through the gateway and straight to
 * the server; there one that fails by itself stands in the place of every denied statement. Both must answer
 * with the same messages, tags, error codes and transaction states, and leave the same rows.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PgMessage } from '../../../../../tests/attacks/case.ts';
import { encode, type WireClient } from '../../../../../tests/attacks/wire.ts';
import {
  bind,
  close,
  copyData,
  copyDone,
  describePortal,
  execute,
  type GatewaySystem,
  parse,
  query,
  run,
  startGatewaySystem,
  summary,
  sync,
} from '../../../testing/gateway-system.ts';

const RUNS = Number(process.env.SEALRAIL_RUNS ?? 60);
const FIRST_SEED = Number(process.env.SEALRAIL_SEED ?? 1);
const MESSAGES_MAX = 12;

const DENIED = 'DELETE FROM t';
/** Fails at analysis, as what stands for a denial does. */
const REFUSED = 'SELECT FROM nowhere';
const END = 'the end';
const QUIET_MS = 3_000;

let system: GatewaySystem;
beforeAll(async () => {
  system = await startGatewaySystem(`
    CREATE TABLE t (id integer PRIMARY KEY);
    GRANT ALL ON t TO ROLE;`);
});
afterAll(() => system?.stop());

function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const TEXTS = [
  'SELECT id FROM t WHERE id = 1',
  'INSERT INTO t VALUES (1)',
  'INSERT INTO t VALUES (2)',
  'INSERT INTO t VALUES (3); SELECT 1/0',
  'BEGIN',
  'COMMIT',
  'ROLLBACK',
  'SAVEPOINT s',
  'ROLLBACK TO s',
  'SELECT 1/0',
  'SELEC',
  '',
  'PREPARE a AS SELECT id FROM t',
  'DEALLOCATE a',
  'DEALLOCATE a; PREPARE a AS SELECT 7; SELECT 1/0',
  'DECLARE p CURSOR FOR SELECT id FROM t',
  'COPY t TO STDOUT',
  'SET statement_timeout = 60000',
  'BEGIN; INSERT INTO t VALUES (4); COMMIT; INSERT INTO t VALUES (4)',
  DENIED,
  DENIED,
  DENIED,
  `INSERT INTO t VALUES (5); ${DENIED}`,
];

/** A name that is not there stops us at the Parse and the server at the Execute: so these come whole. */
const BY_NAME = ['EXECUTE a', 'FETCH p', 'CLOSE p', 'EXECUTE b'];

function draw(pick: (below: number) => number): PgMessage[] {
  const one = <T>(list: readonly T[]): T => list[pick(list.length)] as T;
  const sql = one(TEXTS);
  const name = one(['', 'a', 'b']);
  const portal = one(['', 'p']);
  switch (pick(14)) {
    case 0:
    case 1:
      return [query(sql)];
    case 2:
      return [query(one(BY_NAME))];
    case 3:
      return [parse(name, sql)];
    case 4:
      return [bind(portal, name)];
    case 5:
      return [execute(portal, pick(2))];
    case 6:
    case 7:
      return [sync];
    case 8:
      return [one([close('S', name), close('P', portal), describePortal(portal)])];
    case 9:
      return [query('COPY t FROM STDIN'), copyData(`${10 + pick(3)}\n`), copyDone];
    case 10:
      return copyIn(`${10 + pick(3)}\n`);
    case 11:
      return [{ FunctionCall: { oid: 1598, args: [] } }];
    default:
      return [...run(sql), ...one([[], [sync]])];
  }
}

/** Names of its own: a COPY that is executed without its data would wait for what comes next. */
const copyIn = (data: string): PgMessage[] => [
  close('P', 'copy'),
  close('S', 'copy'),
  parse('copy', 'COPY t FROM STDIN'),
  bind('copy', 'copy'),
  execute('copy'),
  copyData(data),
  copyDone,
];

/** A call by number is denied as a message of its own; so is a whole text with one denied statement. */
function asReference(message: PgMessage): PgMessage {
  if ('FunctionCall' in message) return query(REFUSED);
  if ('Query' in message && message.Query.sql.includes(DENIED)) return query(REFUSED);
  if (!('Parse' in message) || !message.Parse.sql.includes(DENIED)) return message;
  return parse(message.Parse.name, REFUSED);
}

/**
 * What is not there is an error to the server and not understood by us. In a block that has failed both
 * refuse everything; which of two reasons comes first may differ, since ours stands in a Parse.
 */
function sameErrors(lines: readonly string[]): string[] {
  let status = 'Z I';
  return lines.map((line) => {
    if (line.startsWith('Z')) status = line;
    if (status === 'Z E' && /^E (25P02|26000|34000|42P01|42501|42601)$/.test(line)) return 'E';
    return line.replace(/^E (26000|34000|42P01)$/, 'E 42501');
  });
}

interface Sent {
  readonly messages: readonly PgMessage[];
  /** Sizes of the chunks before the last: what is answered between them differs from run to run. */
  readonly chunks: readonly number[];
}

async function send(client: WireClient, { messages, chunks }: Sent): Promise<void> {
  const bytes = Buffer.concat([...messages, sync, query(`SELECT '${END}'`)].map(encode));
  let at = 0;
  for (const size of chunks) {
    client.write(bytes.subarray(at, at + size));
    at = Math.min(bytes.length, at + size);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  client.write(bytes.subarray(at));
}

async function observe(client: WireClient, sent: Sent): Promise<string[]> {
  await system.admin.query('TRUNCATE t');
  await send(client, sent);
  const seen: string[] = [];
  while (!client.closed && !(seen.at(-3) === `D ${END}` && seen.at(-1)?.startsWith('Z'))) {
    const { messages: answers } = await client.answer(1, QUIET_MS);
    if (answers.length === 0) break;
    seen.push(...summary(answers));
  }
  client.end();
  const { rows } = await system.admin.query<{ rows: string }>(
    "SELECT coalesce(string_agg(id::text, ',' ORDER BY id), '') AS rows FROM t",
  );
  return [...sameErrors(seen), `rows ${rows[0]?.rows}`];
}

test(`${RUNS} random pipelines answer as they would without a gateway`, async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
    const pick = random(seed);
    const messages = Array.from({ length: 2 + pick(MESSAGES_MAX - 2) }, () => draw(pick)).flat();
    const chunks = Array.from({ length: pick(6) }, () => 1 + pick(60));
    const reference = { messages: messages.map(asReference), chunks: [] };
    const theirs = await observe(await system.direct(), reference);
    const ours = await observe(await system.login(), { messages, chunks });
    expect(ours, `SEALRAIL_SEED=${seed}: ${JSON.stringify(messages)}`).toEqual(theirs);
  }
}, 600_000);

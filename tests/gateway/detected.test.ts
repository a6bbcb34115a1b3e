/** A policy that forbids card numbers: stopped in every place that a client can put one, and never logged. */
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { entriesFrom, type System, startSystem } from '../system.ts';

/** Published by card schemes for tests; in parts, so that no scanner of repositories takes them for real. */
const CARD = ['4111', '1111', '1111', '1111'].join('');
const ORDER = '4111111111111112';

let policies: string;
let system: System;
beforeAll(async () => {
  policies = mkdtempSync(join(tmpdir(), 'sealrail-detected-'));
  const shipped = new URL('../../packages/server/policies', import.meta.url);
  cpSync(fileURLToPath(shipped), policies, { recursive: true });
  writeFileSync(
    join(policies, 'cards.cedar'),
    `@id("no-cards") @severity("critical") @message("card numbers are not stored here")
     @hint("store the token of the payment provider")
     forbid (principal, action in [Action::"sql.insert", Action::"sql.update", Action::"sql.copy"], resource)
     when { context.meta.detected.personal.contains("pan") };
     @id("writers-copy") @severity("info") @message("writers copy rows in") @hint("ask for membership")
     permit (principal in Group::"writers", action == Action::"sql.copy", resource);`,
  );
  system = await startSystem({
    database: 'cards',
    role: 'cards_role',
    policies,
    users: [{ name: 'svc', type: 'service', groups: ['writers'] }],
    setup: `CREATE TABLE orders (id integer PRIMARY KEY, number bigint, note text);
      GRANT USAGE ON SCHEMA public TO PUBLIC; GRANT ALL ON orders TO PUBLIC;`,
  });
});
afterAll(async () => {
  await system?.stop();
  rmSync(policies, { recursive: true, force: true });
});

async function run(text: string, values?: unknown[]): Promise<string> {
  const client = new pg.Client({ connectionString: system.url('svc') });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(text, values);
    return 'ran';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await client.end();
  }
}

interface Entry {
  readonly kind: string;
  readonly decision?: { readonly verdict: string };
}

/** COPY FROM STDIN in these pieces; resolves when the server is ready again. */
async function copy(text: string, pieces: readonly Buffer[]): Promise<string> {
  const client = new pg.Client({ connectionString: system.url('svc') });
  client.on('error', () => undefined);
  await client.connect();
  let problem = 'ran';
  await new Promise<void>((resolve) => {
    client.query({
      submit: (connection: pg.Connection) => connection.query(text),
      handleCopyInResponse: (connection: CopyConnection) => {
        for (const piece of pieces) connection.sendCopyFromChunk(piece);
        connection.endCopyFrom();
      },
      handleError: (error: Error) => {
        problem = error.message;
        resolve();
      },
      handleCommandComplete: () => undefined,
      handleReadyForQuery: () => resolve(),
    } as unknown as pg.Submittable);
  });
  const { rows } = await client.query('SELECT 1 AS one');
  expect(rows).toEqual([{ one: 1 }]);
  await client.end();
  return problem;
}

interface CopyConnection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** The binary format of COPY: one row of an integer, a bigint and a text. */
function binaryRow(id: number, number: string, note: string): Buffer {
  const field = (bytes: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const int4 = Buffer.alloc(4);
  int4.writeInt32BE(id);
  const header = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
  const fields = [int4, int8(number), Buffer.from(note)].map(field);
  return Buffer.concat([header, Buffer.from([0, 3]), ...fields, Buffer.from([0xff, 0xff])]);
}

const byBytes = (whole: Buffer): Buffer[] => Array.from(whole, (byte) => Buffer.of(byte));
const rowsFrom = (first: number, count: number, note: string): string =>
  Array.from({ length: count }, (_, at) => `${first + at}\t${ORDER}\t${note}\n`).join('');

const int8 = (value: string): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
};
const DENIED = /denied by policy no-cards: card numbers are not stored here/;
const grouped = CARD.replace(/(....)(?=.)/g, '$1 ');

describe('a card number', () => {
  const places: readonly [string, string, unknown[]?][] = [
    ['as a number in the text', `INSERT INTO orders VALUES (1, ${CARD}, 'x')`],
    ['as a string in the text', `INSERT INTO orders VALUES (2, 1, '${CARD}')`],
    ['in groups', `INSERT INTO orders VALUES (3, 1, 'card ${grouped}')`],
    ['in a comment', `INSERT INTO orders VALUES (4, 1, 'x') /* ${CARD} */`],
    [
      'in base64',
      `INSERT INTO orders VALUES (5, 1, '${Buffer.from(`number ${CARD}`).toString('base64')}')`,
    ],
    ['in escapes of a string', `INSERT INTO orders VALUES (6, 1, E'\\x34${CARD.slice(1)}')`],
    ['in a dollar string', `INSERT INTO orders VALUES (7, 1, $a$${CARD}$a$)`],
    ['bound as text', 'INSERT INTO orders VALUES (8, 1, $1)', [CARD]],
    ['bound in binary, as text', 'INSERT INTO orders VALUES (9, 1, $1)', [Buffer.from(CARD)]],
    ['bound in binary, as a number', 'INSERT INTO orders VALUES (10, $1, $2)', [int8(CARD), 'x']],
    [
      'bound among others',
      'UPDATE orders SET note = $1 WHERE id = $2',
      [`paid with ${grouped}`, 1],
    ],
  ];
  test.each(places)('%s is stopped', async (_place, text, values) => {
    expect(await run(text, values)).toMatch(DENIED);
  });

  const TEXT = 'COPY orders FROM STDIN';
  const BINARY = 'COPY orders FROM STDIN (FORMAT binary)';
  const data: readonly (readonly [string, string, readonly Buffer[]])[] = [
    ['in the data of a COPY', TEXT, [Buffer.from(`100\t${CARD}\tx\n`)]],
    ['in its pieces', TEXT, byBytes(Buffer.from(`101\t1\tcard ${CARD}\n`))],
    [
      'in the middle of much',
      TEXT,
      [
        Buffer.from(
          `${rowsFrom(200, 6_000, 'x')}102\t1\t${grouped}\n${rowsFrom(7_000, 6_000, 'y')}`,
        ),
      ],
    ],
    ['in binary, as text', BINARY, [binaryRow(103, '1', CARD)]],
    ['in binary, as a number', BINARY, [binaryRow(104, CARD, 'x')]],
    ['in binary, in pieces', BINARY, byBytes(binaryRow(105, CARD, 'x'))],
  ];
  test.each(data)('%s is stopped, and no row of it stays', async (_place, text, pieces) => {
    expect(await copy(text, pieces)).toMatch(DENIED);
    const client = new pg.Client({ connectionString: system.url('svc') });
    await client.connect();
    const { rows } = await client.query(
      'SELECT count(*)::int AS n FROM orders WHERE id BETWEEN 100 AND 20000',
    );
    await client.end();
    expect(rows).toEqual([{ n: 0 }]);
  });
});

describe('what is no card number', () => {
  test.each<[string, string, unknown[]?]>([
    ['an order number of 16 digits', `INSERT INTO orders VALUES (21, ${ORDER}, 'order ${ORDER}')`],
    ['one that is bound', 'INSERT INTO orders VALUES (22, $1, $2)', [ORDER, ORDER]],
    ['one in binary', 'INSERT INTO orders VALUES (23, $1, $2)', [int8(ORDER), Buffer.from(ORDER)]],
    ['a card number that is asked for', `SELECT id FROM orders WHERE note = '${CARD}'`],
  ])('%s goes through', async (_what, text, values) => {
    expect(await run(text, values)).toBe('ran');
  });

  test('rows that are copied go through, in any format and in any pieces', async () => {
    expect(
      await copy('COPY orders FROM STDIN', [Buffer.from(rowsFrom(30_000, 9_000, 'a note'))]),
    ).toBe('ran');
    expect(
      await copy('COPY orders FROM STDIN', byBytes(Buffer.from(rowsFrom(40_000, 3, 'b')))),
    ).toBe('ran');
    const binary = byBytes(binaryRow(50_000, ORDER, 'c'));
    expect(await copy('COPY orders FROM STDIN (FORMAT binary)', binary)).toBe('ran');
    const client = new pg.Client({ connectionString: system.url('svc') });
    await client.connect();
    const { rows } = await client.query('SELECT count(*)::int AS n FROM orders WHERE id >= 30000');
    await client.end();
    expect(rows).toEqual([{ n: 9_004 }]);
  });
});

test('a card number is nowhere in what the log keeps, and its kind is', async () => {
  const entries = await entriesFrom<Entry>(system.api, 0);
  const denied = entries.filter(
    ({ kind, decision }) => kind === 'decision' && decision?.verdict === 'deny',
  );
  expect(denied.length).toBeGreaterThanOrEqual(17);
  expect(JSON.stringify(denied)).toContain('"personal":["pan"]');
  await system.stopDaemon();
  const holding = readdirSync(join(system.folder, 'data'), { recursive: true, encoding: 'utf8' })
    .map((name) => join(system.folder, 'data', name))
    .filter((path) => statSync(path).isFile())
    .filter((path) => {
      const bytes = readFileSync(path);
      return bytes.includes(CARD) || bytes.includes(grouped) || bytes.includes(int8(CARD));
    });
  expect(holding).toEqual([]);
});

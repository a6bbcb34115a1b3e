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
     when { context.meta.detected.personal.contains("pan") };`,
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

  test('is nowhere in what the log keeps, and its kind is', async () => {
    const entries = await entriesFrom<Entry>(system.api, 0);
    const denied = entries.filter(
      ({ kind, decision }) => kind === 'decision' && decision?.verdict === 'deny',
    );
    expect(denied.length).toBeGreaterThan(places.length - 1);
    expect(JSON.stringify(denied)).toContain('"personal":["pan"]');
    const holding = readdirSync(join(system.folder, 'data'), { recursive: true, encoding: 'utf8' })
      .map((name) => join(system.folder, 'data', name))
      .filter((path) => statSync(path).isFile())
      .filter((path) => {
        const bytes = readFileSync(path);
        return bytes.includes(CARD) || bytes.includes(grouped) || bytes.includes(int8(CARD));
      });
    expect(holding).toEqual([]);
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
});

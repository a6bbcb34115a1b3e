/** What the attack cases send, under the packs that are shipped: nobody may do it, whatever their groups. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSql } from '@sealrail/facts';
import { judge, NO_INPUTS } from '@sealrail/sdk';
import { describe, expect, test } from 'vitest';
import { attacksFolder } from '../../../../tests/corpora.ts';
import { BENIGN } from '../../../../tests/facts/benign.ts';
import { memoryCatalog } from '../../../../tests/facts/catalog.ts';
import type { User } from '../config/config.ts';
import { loadPolicies } from '../config/policies.ts';
import { sqlAct } from '../gateway/postgres/action.ts';
import { openParser } from '../gateway/postgres/parse.ts';
import { type Database, databaseOf } from './database.ts';
import type { RawDatabase } from './shape.ts';

interface Case {
  readonly id: string;
  readonly surface: string;
  readonly dialect?: string;
  readonly expect: string | readonly string[];
  readonly steps: readonly { readonly sql?: string; readonly as?: string }[];
}

const parse = await openParser(18);
const set = loadPolicies(fileURLToPath(new URL('../../policies', import.meta.url)));

/** One message, and no more: what needs a session is for the running system to judge. */
const attacks = readFileSync(join(attacksFolder, 'cases.jsonl'), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Case)
  .filter(({ surface, dialect = 'postgres', steps }) => {
    return surface === 'sql' && dialect === 'postgres' && steps.length === 1 && steps[0]?.sql;
  });

const TABLE = { kind: 'table', of: [] } as const satisfies Partial<RawDatabase['tables'][string]>;
const fixture: Database = {
  name: 'appdb',
  catalog: memoryCatalog(),
  classes: { personal: ['public.users.ssn'] },
};

const READERS = ['personal-data-reader'];

function verdictOf(
  text: string,
  groups: readonly string[],
  type: User['type'] = 'human',
  { name, catalog, classes }: Database = fixture,
): string {
  const { action } = sqlAct({
    reading: readSql({ text, parse, catalog }),
    // An application reads what it stores; people and agents see it masked.
    user: { name: 'somebody', type, groups, roles: type === 'service' ? READERS : [], scram: '' },
    target: { name, env: 'prod', classes },
    session: 's',
    inTransaction: false,
    text,
    nowMs: Date.UTC(2026, 10, 25, 12),
    catalog,
  });
  return judge(set, action, NO_INPUTS).decision.verdict;
}

describe('the packs over the attack cases', () => {
  const EVERY_GROUP = ['analysts', 'writers', 'agents', 'dba', 'release', 'security'];
  const text = ({ steps }: Case): string => steps[0]?.sql ?? '';
  const denied = attacks.filter((one) => one.expect === 'DENY');
  const allowed = attacks.filter((one) => one.expect === 'ALLOW');
  test.each(denied.map((one) => [one.id, one] as const))(
    '%s is stopped for everybody',
    (_id, one) => {
      expect(verdictOf(text(one), EVERY_GROUP)).not.toBe('allow');
    },
  );

  test.each(allowed.map((one) => [one.id, one] as const))('%s goes through', (_id, one) => {
    expect(verdictOf(text(one), ['analysts', 'writers'])).toBe('allow');
  });

  test('there are enough of them to say something', () => {
    expect([denied.length > 15, allowed.length > 1]).toEqual([true, true]);
  });
});

/** The tables of `SHOP`, beside the statements. */
const shop = databaseOf(
  {
    name: 'shop',
    tables: {
      customers: { ...TABLE, columns: ['id', 'email', 'phone', 'tags', 'active', 'created_at'] },
      orders: ['id', 'customer_id', 'status', 'total', 'meta', 'created_at'],
      order_items: {
        ...TABLE,
        columns: ['order_id', 'line', 'product', 'quantity'],
        key: ['order_id', 'line'],
      },
      pgbench_accounts: { ...TABLE, columns: ['aid', 'bid', 'abalance', 'filler'], key: 'aid' },
      pgbench_branches: { ...TABLE, columns: ['bid', 'bbalance', 'filler'], key: 'bid' },
      pgbench_tellers: { ...TABLE, columns: ['tid', 'bid', 'tbalance', 'filler'], key: 'tid' },
      pgbench_history: ['tid', 'bid', 'aid', 'delta', 'mtime', 'filler'],
      invoice_seq: { columns: ['last_value'], kind: 'sequence', of: [] },
      large_orders: {
        columns: ['email', 'id', 'total'],
        kind: 'view',
        of: ['customers', 'orders'],
      },
    },
    classes: { personal: ['customers.email', 'customers.phone'] },
    routines: {},
  },
  () => undefined,
);

describe('the packs over what ordinary clients send', () => {
  const database = { ...shop, catalog: { ...shop.catalog, enumType: () => true } };

  // EXECUTE runs what the session has prepared, which only a session knows.
  test.each(BENIGN.filter((text) => !text.startsWith('EXECUTE')))('%s', (text) => {
    expect(verdictOf(text, ['analysts', 'writers'], 'service', database)).toBe('allow');
  });
});

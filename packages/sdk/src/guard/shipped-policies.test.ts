/**
 * What people meet first of the policies that `sealrail init` writes, and the baseline of the attack cases,
 * request by request. The packs have cases of their own beside them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { actionOf, requestOf, type SqlCase } from '../../testing/sql.ts';
import { NO_INPUTS } from './inputs.ts';
import { judge } from './judge.ts';
import { loadPolicySet } from './policy-set.ts';
import { schemaText } from './schema.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));

function load(folder: string) {
  const names = readdirSync(root + folder).filter((name) => name.endsWith('.cedar'));
  const files = names.map((name) => ({
    name,
    text: readFileSync(`${root}${folder}/${name}`, 'utf8'),
  }));
  const set = loadPolicySet(files, schemaText());
  if (Array.isArray(set)) throw new Error(JSON.stringify(set, null, 1));
  return set;
}

const starter = load('packages/server/policies');
const baseline = load('tests/attacks/policies');

/** For each policy one request that it covers, and one just outside. */
type Pair = readonly [covered: SqlCase, outside: SqlCase];

const alice = { groups: ['analysts', 'writers'] };
const analyst = { groups: ['analysts'] };
const writer = { type: 'Service', id: 'svc', groups: ['writers'] } as const;
const agent = { type: 'Agent', id: 'agent-1', groups: ['agents'] } as const;
const dba = { id: 'dba', groups: ['dba'] };

const here = { ...agent, groups: [], database: 'appdb' };
const BASELINE: Readonly<Record<string, Pair>> = {
  'baseline-rows': [
    { ...here, verb: 'insert' },
    { ...here, database: 'shop', verb: 'insert' },
  ],
  'baseline-copy-out': [
    { ...here, verb: 'copy', readOnly: true },
    { ...here, verb: 'copy', readOnly: false },
  ],
  'baseline-ddl': [
    { ...here, verb: 'ddl' },
    { ...here, verb: 'grant' },
  ],
  'baseline-rewrite': [
    { ...here, verb: 'maintain', risks: ['rewrite-table'] },
    { ...here, verb: 'maintain' },
  ],
  'unscoped-write': [
    { ...here, verb: 'delete', scope: 'none' },
    { ...here, verb: 'delete', scope: 'key' },
  ],
  'loose-write': [
    { ...here, verb: 'delete', scope: 'loose' },
    { ...here, verb: 'delete', scope: 'range' },
  ],
  destructive: [
    { ...here, verb: 'ddl', risks: ['drop'] },
    { ...here, verb: 'ddl' },
  ],
  constructive: [
    { ...here, verb: 'ddl' },
    { ...here, verb: 'select' },
  ],
  maintenance: [
    { ...here, verb: 'maintain', risks: ['rewrite-table'] },
    { ...here, verb: 'maintain' },
  ],
  escape: [
    { ...here, verb: 'session', risks: ['lock'] },
    { ...here, verb: 'session' },
  ],
  inference: [
    { ...here, verb: 'select', derivedClasses: ['personal'] },
    { ...here, verb: 'select', derivedClasses: ['public'] },
  ],
  shown: [
    { ...here, verb: 'select', shownClasses: ['personal'] },
    { ...here, verb: 'select' },
  ],
};

describe('attack baseline', () => {
  const normal = (one: SqlCase): SqlCase =>
    ['session'].includes(one.verb) ? { ...one, resource: 'database' } : one;
  const satisfied = (one: SqlCase): readonly string[] => {
    const { entities } = actionOf(normal(one));
    const { permits, forbids, errors, invalid } = baseline.engine.evaluate(
      requestOf(normal(one)),
      baseline.engine.prepare(entities),
    );
    expect({ errors, invalid }).toEqual({ errors: [], invalid: undefined });
    return [...permits, ...forbids];
  };

  test('each has its two requests', () => {
    expect(Object.keys(BASELINE).sort()).toEqual(baseline.policies.map(({ id }) => id));
  });

  test.each(Object.entries(BASELINE))(
    '%s covers the one and not the other',
    (id, [covered, outside]) => {
      expect(satisfied(covered)).toContain(id);
      expect(satisfied(outside)).not.toContain(id);
    },
  );
});

describe('what people meet first', () => {
  const ruled = (set: typeof starter, one: SqlCase) => {
    const { verdict, code, determining } = judge(set, actionOf(one), NO_INPUTS).decision;
    return [verdict, code, determining[0]];
  };
  const principals = { alice, writer, agent, dba };

  test.each(Object.entries(principals))('DELETE FROM customers is stopped for %s', (name, who) => {
    const decided = ruled(starter, { ...who, verb: 'delete', scope: 'none' });
    expect(decided, name).toEqual(['deny', 'forbidden', 'sql-unscoped-write']);
  });

  test.each<[string, SqlCase, readonly unknown[]]>([
    [
      'DROP TABLE by a dba in production',
      { ...dba, verb: 'ddl', risks: ['drop'] },
      ['deny', 'forbidden', 'sql-destructive'],
    ],
    [
      'the same in dev',
      { ...dba, verb: 'ddl', risks: ['drop'], env: 'dev' },
      ['allow', 'allowed', 'sql-grant-dba'],
    ],
    [
      'an update by key by alice',
      { ...alice, verb: 'update', scope: 'key' },
      ['allow', 'allowed', 'sql-grant-writers'],
    ],
    [
      'a delete by key by alice',
      { ...alice, verb: 'delete', scope: 'key' },
      ['allow', 'allowed', 'sql-grant-writers'],
    ],
    [
      'a delete of a range by alice',
      { ...alice, verb: 'delete', scope: 'range' },
      ['hold', 'needs-approval', 'sql-prod-delete'],
    ],
    [
      'reading personal data by alice',
      { ...alice, verb: 'select', shownClasses: ['personal'] },
      ['allow', 'allowed', 'sql-grant-analysts'],
    ],
    [
      'reading personal data by an agent',
      { ...agent, verb: 'select', shownClasses: ['personal'] },
      ['deny', 'forbidden', 'agent-no-personal-data'],
    ],
    [
      'filtering by personal data by an agent',
      { ...agent, verb: 'select', derivedClasses: ['personal'] },
      ['deny', 'forbidden', 'agent-no-personal-data'],
    ],
    [
      'reading orders by an agent',
      { ...agent, verb: 'select', table: 'orders' },
      ['allow', 'allowed', 'sql-grant-agents'],
    ],
    ['anything by a stranger', { id: 'mallory', verb: 'select' }, ['deny', 'no-permit', undefined]],
    ['a write by an analyst', { ...analyst, verb: 'insert' }, ['deny', 'no-permit', undefined]],
  ])('%s', (_name, one, expected) => {
    expect(ruled(starter, one)).toEqual(expected);
  });

  test('pgbench runs as a writer, in every statement of its script', () => {
    const script: SqlCase[] = [
      { ...writer, verb: 'session', resource: 'database' },
      { ...writer, verb: 'update', scope: 'key', table: 'pgbench_accounts' },
      { ...writer, verb: 'select', table: 'pgbench_accounts' },
      { ...writer, verb: 'update', scope: 'key', table: 'pgbench_tellers' },
      { ...writer, verb: 'insert', table: 'pgbench_history' },
    ];
    for (const one of script) expect(ruled(starter, one)[0]).toBe('allow');
  });

  test('the baseline holds what it holds and denies what it does not name', () => {
    expect(ruled(baseline, { ...here, verb: 'ddl' })[0]).toBe('hold');
    expect(ruled(baseline, { ...here, verb: 'maintain', risks: ['rewrite-table'] })[0]).toBe(
      'hold',
    );
    expect(ruled(baseline, { ...here, verb: 'delete', scope: 'loose' })[0]).toBe('hold');
    expect(ruled(baseline, { ...here, verb: 'delete', scope: 'key' })[0]).toBe('allow');
    expect(ruled(baseline, { ...here, verb: 'truncate' })[1]).toBe('no-permit');
    expect(ruled(baseline, { ...here, verb: 'maintain' })[1]).toBe('no-permit');
    expect(ruled(baseline, { ...here, id: 'eve', verb: 'select' })[1]).toBe('no-permit');
  });
});

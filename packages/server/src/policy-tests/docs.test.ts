/** docs/policies.md holds what it says: every table, every policy and every case of it is run. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parsePolicies } from '@sealrail/cedar';
import {
  LINT_RULES,
  loadPolicySet,
  type PolicyFile,
  type PolicySet,
  resolvedSchema,
  schemaText,
} from '@sealrail/sdk';
import { afterAll, describe, expect, test } from 'vitest';
import { FULFILMENT_OF_CASES, readPolicyFiles } from '../config/policies.ts';
import { openParser } from '../gateway/postgres/parse.ts';
import { runCases } from './run.ts';
import { readTestFile } from './test-file.ts';

const text = readFileSync(
  fileURLToPath(new URL('../../../../docs/policies.md', import.meta.url)),
  'utf8',
);
const shipped = readPolicyFiles(fileURLToPath(new URL('../../policies', import.meta.url)));
const schema = resolvedSchema(schemaText());
const options = { schema, parse: await openParser(18) };
const folder = mkdtempSync(join(tmpdir(), 'sealrail-docs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Block {
  readonly language: string;
  readonly body: string;
}

const blocks: readonly Block[] = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(
  ([, language = '', body = '']) => ({ language, body }),
);
const cases = (body: string) => {
  const file = join(folder, 'docs.test.yaml');
  writeFileSync(file, body, { mode: 0o600 });
  return readTestFile(file, options);
};

function load(files: readonly PolicyFile[]): PolicySet {
  const set = loadPolicySet(files, schemaText(), FULFILMENT_OF_CASES);
  if ('engine' in set) return set;
  throw new Error(JSON.stringify(set, null, 1));
}

const policiesIn = (body: string) => {
  const parsed = parsePolicies(body);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.policies;
};

/** The packs with the policies of a block, in the place of those that have the same names. */
function packsWith(body: string): PolicySet {
  const ids = policiesIn(body).map(({ annotations }) => annotations.get('id'));
  const others = shipped.map(({ name, text: whole }) => {
    const replaced = policiesIn(whole).filter(({ annotations }) =>
      ids.includes(annotations.get('id')),
    );
    return {
      name,
      text: replaced.reduceRight(
        (left, { start, end }) => left.slice(0, start) + left.slice(end),
        whole,
      ),
    };
  });
  return load([...others, { name: 'docs.cedar', text: body }]);
}

const differences = (set: PolicySet, body: string) =>
  runCases(set, cases(body), schema).map(({ test: one, differences: found }) => [one.name, found]);

const rows = [
  ...text.matchAll(
    /^\| `([\w-]+)` \| (\w+) \| `(.+)`(?:, the (\d+)\w+ time in a minute)? \| (\w+): (.+) \|$/gm,
  ),
].map(
  ([, id = '', as = '', does = '', times = '1', verdict = '', message = '']) =>
    ({ id, as, does, times: Number(times), verdict, message }) as const,
);

describe('the tables of what the packs stop', () => {
  const [world] = blocks.filter(({ language }) => language === 'yaml');
  const set = load(shipped);

  test.each(rows.map((row) => [row.id, row] as const))('%s', (id, row) => {
    const does = row.does.startsWith('{')
      ? row.does.slice(1, -1)
      : `sql: ${JSON.stringify(row.does)}`;
    const { verdict, message } = row;
    // Whoever is let through is told nothing: then the message is only the policy's.
    const isAllowed = verdict === 'allow';
    expect(isAllowed ? set.byId.get(id)?.message : message).toBe(message);
    const expected = JSON.stringify({ verdict, by: id, ...(isAllowed ? {} : { message }) });
    const last = `expect: ${expected}, ${does}`;
    const before = `{ ${does}, expect: allow, repeat: ${row.times - 1} }`;
    const what = row.times === 1 ? last : `steps: [${before}, { ${last} }]`;
    const one = `{ name: ${id}, as: ${row.as}, ${what} }`;
    const results = runCases(set, cases(`${world?.body}cases:\n  - ${one}\n`), schema);
    expect(results.map(({ differences: found }) => found)).toEqual(results.map(() => []));
  });

  test('have a row for every forbid that is shipped', () => {
    const forbids = set.policies.filter(({ effect }) => effect === 'forbid').map(({ id }) => id);
    expect(rows.map(({ id }) => id).sort()).toEqual([...forbids].sort());
  });
});

test('every rule of the linter is explained', () => {
  const explained = [...text.matchAll(/^\| `([\w-]+)` \| [^|`]+ \|$/gm)].map(([, rule]) => rule);
  expect(explained.sort()).toEqual([...LINT_RULES]);
});

describe('the examples', () => {
  const files = blocks.flatMap(({ language, body }, at) =>
    language === 'yaml' && body.includes('\ncases:') ? [[body, blocks[at - 1]] as const] : [],
  );

  test.each(files.map(([body, before]) => [/- name: (.+)/.exec(body)?.[1], body, before] as const))(
    'of the file that begins with "%s" hold',
    (_name, body, before) => {
      const set = before?.language === 'cedar' ? packsWith(before.body) : load(shipped);
      for (const [name, found] of differences(set, body))
        expect({ name, found }).toEqual({ name, found: [] });
    },
  );

  test('are three files', () => expect(files).toHaveLength(3));
});

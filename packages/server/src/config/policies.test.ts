import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { loadPolicies } from './policies.ts';

const folder = mkdtempSync(join(tmpdir(), 'sealrail-policies-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the policies that are shipped load', () => {
  const set = loadPolicies(fileURLToPath(new URL('../../policies', import.meta.url)));
  expect(set.byId.has('sql-unscoped-write')).toBe(true);
  set.close();
});

test('a folder that is missing, empty, or open to everybody is refused', () => {
  expect(() => loadPolicies(join(folder, 'nowhere'))).toThrow(/no such folder[\s\S]*sealrail init/);
  mkdirSync(join(folder, 'empty'));
  expect(() => loadPolicies(join(folder, 'empty'))).toThrow(/no \.cedar file: nothing would be/);
  chmodSync(join(folder, 'empty'), 0o777);
  expect(() => loadPolicies(join(folder, 'empty'))).toThrow(/can be written by everybody/);
});

test('a policy that does not parse is named by file, line and column', () => {
  const bad = join(folder, 'bad');
  mkdirSync(bad);
  writeFileSync(join(bad, 'one.cedar'), '@id("a")\nforbid (principal, acton, resource);\n');
  expect(() => loadPolicies(bad)).toThrow(new RegExp(`${bad}/one\\.cedar:2:[0-9]+: `));
});

test('a folder in the place of a policy is refused', () => {
  const odd = join(folder, 'odd');
  mkdirSync(join(odd, 'x.cedar'), { recursive: true });
  expect(() => loadPolicies(odd)).toThrow(/x\.cedar: is no file/);
});

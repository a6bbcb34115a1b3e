import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { addShadow, loadPolicies } from './policies.ts';

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

test('shadow policies stand in a folder of their own, beside the set and not in it', () => {
  const own = join(folder, 'own');
  mkdirSync(join(own, 'shadow'), { recursive: true });
  const policy = (id: string, effect: string) =>
    `@id("${id}") @severity("low") @message("m") @hint("h") ${effect} (principal, action in Action::"sql.any", resource);\n`;
  writeFileSync(join(own, 'a.cedar'), policy('a', 'permit'));
  const plain = loadPolicies(own);
  expect(addShadow(plain, own).shadow).toBeUndefined();
  writeFileSync(join(own, 'shadow', 'b.cedar'), policy('b', 'forbid'));
  const set = addShadow(loadPolicies(own), own);
  expect(set.digest).toBe(plain.digest);
  expect([...set.byId.keys()]).toEqual(['a']);
  expect([...(set.shadow?.byId.keys() ?? [])].sort()).toEqual(['a', 'b']);
  writeFileSync(join(own, 'shadow', 'b.cedar'), policy('a', 'forbid'));
  expect(() => addShadow(plain, own)).toThrow(/a second policy with @id\("a"\)/);
});

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

/** Every module that a file pulls in, however far away. */
function modulesFrom(start: URL): Map<string, string> {
  const found = new Map<string, string>();
  const open = [start];
  for (let next = open.pop(); next; next = open.pop()) {
    if (found.has(next.pathname)) continue;
    const text = readFileSync(next, 'utf8');
    found.set(next.pathname, text);
    for (const [, specifier = ''] of text.matchAll(/^(?:import|export)\b[^;]*?from '([^']+)';/gms))
      if (specifier.startsWith('.')) open.push(new URL(specifier, next));
      else found.set(specifier, '');
  }
  return found;
}

describe('the verifier for browsers', () => {
  const modules = modulesFrom(new URL('./index.ts', import.meta.url));

  test('pulls in no module of Node and no package, however far away', () => {
    expect([...modules.keys()].filter((name) => !name.startsWith('/'))).toEqual([]);
    expect(modules.size).toBeGreaterThan(12);
    for (const path of modules.keys()) expect(existsSync(path)).toBe(true);
  });

  test('uses no global of Node', () => {
    for (const [path, text] of modules)
      expect(/\b(Buffer|process|require|setImmediate)\b[.(]/.exec(text)?.[0], path).toBeUndefined();
  });
});

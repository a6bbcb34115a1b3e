import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Io } from './io.ts';
import { configPath } from './place.ts';

const folder = mkdtempSync(join(tmpdir(), 'sealrail-place-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const io = (cwd: string, env: Io['env'] = {}): Io => ({
  stdout: { write: () => undefined },
  stderr: { write: () => undefined },
  out: () => undefined,
  say: () => undefined,
  env,
  cwd,
  askSecret: undefined,
  color: false,
});
const deep = join(folder, 'a/b/c');
mkdirSync(join(folder, 'a/.sealrail'), { recursive: true });
mkdirSync(deep, { recursive: true });
const [demo, own] = [join(folder, 'a/.sealrail/sealrail.yaml'), join(folder, 'a/b/sealrail.yaml')];
writeFileSync(demo, '');

describe('the configuration is', () => {
  test('that of npm start in a folder above, unless one is nearer', () => {
    expect(configPath(undefined, io(deep))).toBe(demo);
    writeFileSync(own, '');
    expect(configPath(undefined, io(deep))).toBe(own);
  });

  test('the one that is named, before any that is found', () => {
    expect(configPath(undefined, io(deep, { SEALRAIL_CONFIG: 'x.yaml' }))).toBe(
      join(deep, 'x.yaml'),
    );
    expect(configPath('y.yaml', io(deep, { SEALRAIL_CONFIG: 'x.yaml' }))).toBe(
      join(deep, 'y.yaml'),
    );
  });

  // Only root can give a file away.
  test.skipIf(process.getuid?.() !== 0)('never one that somebody else put in the way', () => {
    chownSync(own, 65_534, 65_534);
    expect(() => configPath(undefined, io(deep))).toThrow(/belongs to another user \(uid 65534\)/);
    expect(configPath(own, io(deep))).toBe(own);
  });
});

/** What users install: each package packed, installed into an empty folder, and used from there. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const PACKAGES = ['tlog', 'cedar', 'facts', 'sdk', 'server'];
const folder = mkdtempSync(join(tmpdir(), 'sealrail-pack-'));
const installed = join(folder, 'installed');

interface Packed {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}
const packed = new Map<string, Packed>();

const manifest = (path: string) =>
  JSON.parse(readFileSync(path, 'utf8')) as {
    scripts?: Record<string, string>;
    dependencies?: Record<string, string>;
  };

beforeAll(() => {
  mkdirSync(installed);
  for (const name of PACKAGES) {
    const output = execFileSync(
      'npm',
      ['pack', '--json', '--ignore-scripts', '--pack-destination', folder],
      {
        cwd: join(root, 'packages', name),
        encoding: 'utf8',
      },
    );
    const result: unknown = JSON.parse(output);
    // npm 11 answers with a list, npm 12 with an object by package name.
    const one = (Array.isArray(result) ? result : Object.values(result as object))[0] as Packed;
    packed.set(name, one);
  }
  writeFileSync(join(installed, 'package.json'), '{"private":true,"type":"module"}');
  const archives = PACKAGES.map((name) => join(folder, packed.get(name)?.filename ?? ''));
  execFileSync(
    'npm',
    ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline', ...archives],
    {
      cwd: installed,
      stdio: 'pipe',
    },
  );
}, 240_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the published packages', () => {
  test.each(PACKAGES)(
    '%s ships its licence and no tests, no sources, no install script',
    (name) => {
      const paths = packed.get(name)?.files.map((file) => file.path) ?? [];
      expect(paths).toContain('LICENSE');
      expect(paths.filter((path) => /\.test\.[jt]s|(^|\/)src\/|tsbuildinfo/.test(path))).toEqual(
        [],
      );
      const scripts = Object.keys(
        manifest(join(root, 'packages', name, 'package.json')).scripts ?? {},
      );
      expect(scripts.filter((script) => /^(pre|post)?install$|^prepare$/.test(script))).toEqual([]);
    },
  );

  test.each(PACKAGES)('%s pins every dependency exactly', (name) => {
    const versions = Object.values(
      manifest(join(root, 'packages', name, 'package.json')).dependencies ?? {},
    );
    expect(versions.filter((version) => !/^(npm:[\w@/-]+@)?\d+\.\d+\.\d+$/.test(version))).toEqual(
      [],
    );
  });

  test('npx sealrail --help works in an empty folder', () => {
    const done = spawnSync('npx', ['--no-install', 'sealrail', '--help'], {
      cwd: installed,
      encoding: 'utf8',
    });
    expect(done.stderr).toBe('');
    expect(done.stdout).toContain('sealrail verify');
    expect(done.status).toBe(0);
  });

  test('the SDK, the log and the facts import from ESM and do something', () => {
    writeFileSync(
      join(installed, 'use.mjs'),
      `import { encodeCanonical, loadPolicySet } from '@sealrail/sdk';
       import { leafHash } from '@sealrail/tlog';
       import { verifyTree } from '@sealrail/tlog/verify';
       import { readSql } from '@sealrail/facts';
       console.log([typeof encodeCanonical, typeof loadPolicySet, typeof leafHash, typeof verifyTree, typeof readSql].join(' '));`,
    );
    const done = spawnSync(process.execPath, ['use.mjs'], { cwd: installed, encoding: 'utf8' });
    expect(done.stderr).toBe('');
    expect(done.stdout.trim()).toBe('function function function function function');
  });

  test('publint finds nothing wrong with any of them', () => {
    for (const name of PACKAGES) {
      const done = spawnSync(
        process.execPath,
        [join(root, 'node_modules/publint/src/cli.js'), join(root, 'packages', name), '--strict'],
        { encoding: 'utf8' },
      );
      expect(`${done.stdout}${done.stderr}`).toContain('All good');
    }
  });

  test('the types resolve for whoever imports them from ESM', () => {
    for (const name of ['tlog', 'cedar', 'facts', 'sdk']) {
      const done = spawnSync(
        process.execPath,
        [
          join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js'),
          join(folder, packed.get(name)?.filename ?? ''),
          '--profile',
          'esm-only',
        ],
        { encoding: 'utf8' },
      );
      expect(done.status, done.stdout).toBe(0);
    }
  });
});

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'readme-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const readme = read('../README.md');

/** As a user runs them: against the built package, which `npm test` builds first. */
const run = (code: string) =>
  execFileSync(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    encoding: 'utf8',
    env: { ...process.env, TMPDIR: folder },
  });

describe('the README', () => {
  const examples = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, code = '']) => code);

  test('has examples that work as they stand', () => {
    expect(examples.map(run)).toEqual([
      '0 example.com/log\n',
      'true {"kind":"decision"}\ntrue 1 self-consistent only\n',
    ]);
  });

  test('documents every error code once, and none that is gone', () => {
    const codes = [...read('errors.ts').matchAll(/\| '([A-Z_]+)'/g)].map(([, code]) => code);
    const documented = [...readme.matchAll(/^\| `([A-Z_]+)` +\|/gm)].map(([, code]) => code);
    expect(documented).toEqual(codes);
    expect(codes.length).toBeGreaterThan(10);
  });
});

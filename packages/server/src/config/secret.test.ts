import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { resolveSecret, SECRET_BYTES_MAX } from './secret.ts';

const folder = mkdtempSync(join(tmpdir(), 'sealrail-secret-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string, mode: number): void => {
  writeFileSync(join(folder, name), text);
  chmodSync(join(folder, name), mode);
};
const resolve = (reference: string, env: Record<string, string> = {}, execMsMax = 5_000) =>
  resolveSecret(reference, { folder, env, execMsMax });
const problem = async (reference: string, execMsMax?: number): Promise<string> => {
  const found = await resolve(reference, {}, execMsMax);
  return 'problem' in found ? found.problem.replaceAll(`${folder}/`, '') : 'none';
};

describe('secrets by reference', () => {
  test('one line break at the end is not the secret’s, every other byte is', async () => {
    write('a', ' spaced secret \r\n', 0o600);
    write('b', 'two\nlines\n\n', 0o640);
    expect(await resolve('file:a')).toEqual({ value: ' spaced secret ' });
    expect(await resolve('file:./b')).toEqual({ value: 'two\nlines\n' });
    expect(await resolve(`file:${join(folder, 'a')}`)).toEqual({ value: ' spaced secret ' });
    expect(await resolve('env:X', { X: 'from the environment' })).toEqual({
      value: 'from the environment',
    });
  });

  test.each([0o604, 0o606, 0o620, 0o644, 0o601])('a file of mode %o is refused', async (mode) => {
    write('open', 'secret', mode);
    expect(await problem('file:open')).toBe(`open is open to others (mode ${mode.toString(8)})`);
  });

  test('what is no file, is empty, is missing or too large is refused', async () => {
    write('empty', '\n', 0o600);
    write('large', 'x'.repeat(SECRET_BYTES_MAX + 1), 0o600);
    write('full', 'x'.repeat(SECRET_BYTES_MAX), 0o600);
    expect(await problem('file:.')).toMatch(/is no file$/);
    expect(await problem('file:empty')).toBe('empty is empty');
    expect(await problem('file:missing')).toBe('missing cannot be read: ENOENT');
    expect(await problem('file:large')).toBe('large is too large for a secret');
    expect(await problem('file:full')).toBe('none');
  });

  test('a pipe in the place of a file does not hang the daemon', async () => {
    spawnSync('/usr/bin/mkfifo', ['-m', '600', join(folder, 'pipe')]);
    expect(await problem('file:pipe')).toBe('pipe is no file');
  });

  test.each(['', 'hunter2', 'ENV:X', 'http://vault/secret', ' file:a'])(
    '%j is a secret in clear, and does not stand in the message',
    async (text) => {
      const found = await resolve(text);
      expect(found).toMatchObject({ problem: 'a secret stands here in clear' });
      if (text !== '') expect(JSON.stringify(found)).not.toContain(text);
    },
  );
});

describe('secrets from a program', () => {
  test('its output is the secret, and no shell reads its arguments', async () => {
    expect(await resolve('exec:/bin/echo $HOME; echo `id`')).toEqual({
      value: '$HOME; echo `id`',
    });
  });

  test.each([
    ['exec:/bin/false', '/bin/false gave no secret: it ended with 1'],
    ['exec:/bin/true', '/bin/true printed nothing'],
    ['exec:/no/such/program', /ENOENT/],
    ['exec:', / gave no secret: /],
    [
      'exec:/usr/bin/yes',
      `/usr/bin/yes gave no secret: it printed more than ${SECRET_BYTES_MAX} bytes`,
    ],
  ])('%s is refused', async (reference, expected) => {
    expect(await problem(reference)).toMatch(expected);
  });

  test('one that hangs is ended, also where a child of it keeps the pipe open', async () => {
    const started = performance.now();
    write('hang', '#!/bin/sh\nsleep 20 &\nsleep 20\n', 0o700);
    expect(await problem('exec:./hang', 300)).toBe('./hang gave no secret: it took too long');
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog, formatSecretKey, openLog, secretKeyFromSeed, sha256 } from '@sealrail/tlog';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verifyCommand } from './verify.ts';
import { ENTRY_TEXT_BYTES_MAX, printable, reportText } from './verify-report.ts';

const folder = mkdtempSync(join(tmpdir(), 'sealrail-verify-command-'));
const at = (name: string) => join(folder, name);
const COUNT = 300;

beforeAll(async () => {
  const key = formatSecretKey(secretKeyFromSeed('example.com/cli', sha256(Buffer.from('seed'))));
  const options = { dir: at('data'), stateDir: at('state'), key };
  await createLog(options);
  const log = await openLog(options);
  await Promise.all(Array.from({ length: COUNT }, (_, i) => log.append(Buffer.from(`{"n":${i}}`))));
  writeFileSync(at('7.tlog-proof'), await log.receipt(7));
  writeFileSync(at('log.vkey'), `${log.vkey}\n`);
  await log.close();
  writeFileSync(at('kept'), readFileSync(at('data/log/checkpoint')));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(...args: string[]) {
  const written = { stdout: '', stderr: '' };
  const into = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const code = await verifyCommand(args, { stdout: into('stdout'), stderr: into('stderr') });
  return { code, ...written, last: written.stdout.trimEnd().split('\n').at(-1) ?? '' };
}

/** A copy of the log with one file changed. */
function copyWith(path: string, change: (bytes: Buffer) => Buffer | undefined): string {
  const copy = mkdtempSync(join(folder, 'copy-'));
  spawnSync('cp', ['-r', `${at('data/log')}/.`, copy]);
  const bytes = change(readFileSync(join(copy, path)));
  if (bytes) writeFileSync(join(copy, path), bytes);
  else rmSync(join(copy, path));
  return copy;
}
const flip = (offset: number) => (bytes: Buffer) => {
  bytes[offset] = (bytes[offset] ?? 0) ^ 1;
  return bytes;
};

describe('a log', () => {
  test('verifies from its folder with a key file, and is called self-consistent only', async () => {
    const { code, stdout, stderr, last } = await run(at('data/log'), '--key', at('log.vkey'));
    expect(stdout).toContain('✓ 300 entries   ✓ root matches checkpoint 300   ✓ signed by');
    expect(last).toMatch(/^verified, self-consistent only: .*not detected$/);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });

  test('verifies against a kept checkpoint, with the key itself as text', async () => {
    const vkey = readFileSync(at('log.vkey'), 'utf8').trim();
    const { code, last } = await run(at('data/log'), '--key', vkey, '--checkpoint', at('kept'));
    expect(last).toBe('verified, consistent with your checkpoint at 300');
    expect(code).toBe(0);
  });

  test('is found in a data folder, and that is said', async () => {
    const { code, stderr } = await run(at('data'), '--key', at('log.vkey'));
    expect(stderr).toContain(`verifying ${at('data/log')}`);
    expect(code).toBe(0);
  });

  test('with one byte flipped fails, and the last line names file and entry', async () => {
    const copy = copyWith('tile/entries/000', flip(2 + 9 * 5));
    const { code, last } = await run(copy, '--key', at('log.vkey'));
    expect(last).toMatch(/^not verified: entry 5 in tile\/entries\/000 was altered/);
    expect(code).toBe(65);
  });

  test('with a missing file or no checkpoint fails', async () => {
    for (const path of ['tile/0/000', 'checkpoint']) {
      const { code, last } = await run(
        copyWith(path, () => undefined),
        '--key',
        at('log.vkey'),
      );
      expect(last).toContain(`${path} is missing`);
      expect(code).toBe(65);
    }
  });

  test('may have been pruned below the minimum index', async () => {
    const copy = copyWith('tile/entries/000', () => undefined);
    expect((await run(copy, '--key', at('log.vkey'))).code).toBe(65);
    const pruned = await run(copy, '--key', at('log.vkey'), '--min-index', '256');
    expect(pruned.stdout).toContain('44 of 300 entries');
    expect(pruned.stdout).toContain('entries 0 to 255 are absent');
    expect(pruned.code).toBe(0);
  });

  test('verifies over HTTP; a server that does not answer is unavailable, not unverified', async () => {
    const server = createServer((request, response) => {
      try {
        response.end(readFileSync(join(at('data/log'), request.url ?? '')));
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const { code, stdout } = await run(url, '--key', at('log.vkey'));
    expect(stdout).toContain('✓ 300 entries');
    expect(code).toBe(0);
    await new Promise((resolve) => server.close(resolve));
    const gone = await run(url, '--key', at('log.vkey'));
    expect(gone.stderr).toContain("couldn't fetch");
    expect(gone.code).toBe(69);
  });

  test('as JSON is one line with every finding', async () => {
    const good = JSON.parse((await run(at('data/log'), '--key', at('log.vkey'), '--json')).stdout);
    expect(good).toMatchObject({ ok: true, kind: 'tree', size: 300, entries: 300, findings: [] });
    const copy = copyWith('tile/0/000', flip(3));
    const { stdout, code } = await run(copy, '--key', at('log.vkey'), '--json');
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      findings: [{ severity: 'critical', path: 'tile/0/000', index: 0 }],
    });
    expect(code).toBe(65);
  });
});

describe('a receipt', () => {
  test('verifies by itself and shows the entry that it proves', async () => {
    const { code, stdout } = await run(at('7.tlog-proof'), '--key', at('log.vkey'));
    expect(stdout).toMatch(/✓ entry 7 of \d+ {3}✓ signed by example.com\/cli\n {2}entry: {"n":7}/);
    expect(code).toBe(0);
  });

  test('is refused for another entry, and says so in JSON too', async () => {
    writeFileSync(at('entry'), '{"n":8}');
    const args = [at('7.tlog-proof'), '--key', at('log.vkey'), '--entry', at('entry')];
    expect((await run(...args)).code).toBe(65);
    const report = JSON.parse((await run(...args, '--json')).stdout);
    expect(report).toMatchObject({ ok: false, kind: 'receipt', index: 7, rootMatches: false });
    expect(report.entry).toBeUndefined();
  });

  test('shows an entry up to ENTRY_TEXT_BYTES_MAX, of a longer one its length, and no bytes', () => {
    const shown = (entry: Uint8Array) =>
      reportText(
        {
          kind: 'receipt',
          target: 'x.tlog-proof',
          seconds: 0,
          report: {
            ok: true,
            size: 9n,
            index: 7n,
            entries: 1,
            rootMatches: true,
            findings: [],
            more: 0,
            against: 'self-consistent only',
            entry,
          },
        },
        { write: () => true },
      );
    const text = (length: number) => shown(Buffer.alloc(length, 'a'));
    expect(text(ENTRY_TEXT_BYTES_MAX)).toContain('a'.repeat(ENTRY_TEXT_BYTES_MAX));
    expect(text(ENTRY_TEXT_BYTES_MAX + 1)).toContain('entry: 4,097 bytes\n');
    expect(shown(Uint8Array.of(0xff))).toContain('entry: 1 bytes that are no text');
  });

  test('that is no receipt at all is not verified', async () => {
    const { code, last } = await run(at('log.vkey'), '--key', at('log.vkey'));
    expect(last).toMatch(/malformed receipt/);
    expect(code).toBe(65);
  });
});

describe('the command line', () => {
  test.each([
    [[], /name a folder/],
    [['x'], /--key is required/],
    [['x', 'y', '--key', 'k'], /one target at a time/],
    [['x', '--key', 'nonsense'], /--key: not a verifier key.*no such file/],
    [['x', '--unknown'], /unknown/i],
    [['x', '--key', 'k', '--min-index', '-1'], /min-index/],
  ])('%j is a usage error that says why', async (args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(code).toBe(64);
  });

  test('options of one kind are refused for the other', async () => {
    const key = ['--key', at('log.vkey')];
    expect((await run(at('data/log'), ...key, '--entry', at('log.vkey'))).code).toBe(64);
    expect((await run(at('7.tlog-proof'), ...key, '--min-index', '1')).code).toBe(64);
    expect((await run(at('data/log'), ...key, '--checkpoint', at('absent'))).code).toBe(64);
  });

  test('a target that is not there is unavailable, in JSON an error object', async () => {
    const { code, stderr } = await run(at('absent'), '--key', at('log.vkey'));
    expect(stderr).toContain(at('absent'));
    expect(code).toBe(69);
    const json = await run(at('absent'), '--key', at('log.vkey'), '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, error: {} });
  });

  test('--help is data, not an error', async () => {
    const { code, stdout } = await run('--help');
    expect(stdout).toMatch(/^sealrail verify DIR\|URL\|FILE.tlog-proof --key/);
    expect(code).toBe(0);
  });

  test('a file name cannot repaint the terminal or forge the last line', async () => {
    const copy = copyWith('checkpoint', (bytes) => bytes);
    writeFileSync(join(copy, 'x\nverified\x1b[2K'), 'x');
    const { stdout } = await run(copy, '--key', at('log.vkey'));
    expect(stdout).not.toContain('\x1b');
    expect(stdout).toContain('x\\u{a}verified\\u{1b}[2K is no part of the tree');
    expect(printable('a\u009b\u202e\u2028b')).toBe('a\\u{9b}\\u{202e}\\u{2028}b');
  });
});

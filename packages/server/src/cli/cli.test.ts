/**
 * The command line as people meet it: every script in testdata/ is a session in a folder of its own.
 *
 *   $ sealrail ARGS   runs a command; `NAME=VALUE` before it sets its environment
 *   > FILE TEXT       writes a file, `\n` being a line break
 *   = FILE            shows a file, as data
 *   - PATH            removes a file or folder
 *   ? CODE            its exit code, where that is not 0
 *   | LINE            a line of data (stdout)
 *   ! LINE            a line of talk (stderr)
 *
 * In a command DIR is the session's folder and ROOT the root of the log in rest/. Where a script speaks of
 * decided/, there is a log with decisions there. What differs from run to
 * run is written as DIR, <key>, <password> and the like.
 */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { writeDecisionsForTest } from '../../testing/decisions-at-rest.ts';
import { writeLogForTest } from '../../testing/log-at-rest.ts';
import type { Io } from './io.ts';
import { run } from './main.ts';

const scripts = fileURLToPath(new URL('./testdata', import.meta.url));

const VARYING: readonly [RegExp, string][] = [
  [/PRIVATE\+KEY\+(\S+?)\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+/g, '<key of $1>'],
  [/sealrail\.invalid\/[0-9a-f]{32}\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+/g, '<vkey>'],
  [/example\.com\/\w+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+/g, '<vkey>'],
  [/sealrail\.invalid\/[0-9a-f]{32}/g, '<local origin>'],
  [/SCRAM-SHA-256\$4096:[^"\s]+/g, '<verifier>'],
  [/password, shown this once: \S+/g, 'password, shown this once: <password>'],
  [/"password":"[a-z0-9]{24}"/g, '"password":"<password>"'],
  [/[0-9a-f]{64}/g, '<digest>'],
  [/\bset [0-9a-f]{12}\b/g, 'set <digest>'],
  [/ \d\d:\d\d:\d\d\.\d{3} /g, ' <time> '],
  // Of exceptions, which are counted from now; the times of helps are examples.
  [/(?<=until |datetime\(\\?"|at: )20[2-9]\d-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?/g, '<day>'],
  [/"until":"[^"]+"/g, '"until":"<day>"'],
  // Of those that are shipped: more of them are no change of the command line.
  [/\b[0-9]+ policies\b/g, '<n> policies'],
  [/\b[0-9]+ cases in [0-9]+ files: all hold/g, '<n> cases in <n> files: all hold'],
  [/"policies":[0-9]+/g, '"policies":<n>'],
];

async function session(script: string, folder: string): Promise<string> {
  const seen: string[] = [];
  for (const line of script.split('\n')) {
    if (line === '' || line.startsWith('#')) seen.push(line);
    else if (line.startsWith('$ ')) seen.push(line, ...(await command(line.slice(2), folder)));
    else if (line.startsWith('> ')) seen.push(line, ...write(line.slice(2), folder));
    else if (line.startsWith('- ')) {
      seen.push(line);
      rmSync(join(folder, line.slice(2)), { recursive: true });
    } else if (line.startsWith('= '))
      seen.push(line, ...shown(readFileSync(join(folder, line.slice(2)), 'utf8'), folder, '|'));
  }
  return seen.join('\n');
}

function write(line: string, folder: string): [] {
  const [name = '', ...text] = line.split(' ');
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text.join(' ').replaceAll('\\n', '\n'));
  chmodSync(join(folder, name), 0o600);
  return [];
}

async function command(line: string, folder: string): Promise<string[]> {
  const given = line.replaceAll('DIR', folder).replaceAll('ROOT', publishedRoot(folder));
  const words = [...given.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain);
  const at = words.indexOf('sealrail');
  const env = Object.fromEntries(words.slice(0, at).map((word) => word?.split('=') ?? []));
  const lines: string[] = [];
  const add = (mark: string) => (text: string) => lines.push(...shown(text, folder, mark));
  const io: Io = {
    stdout: { write: (text: string) => add('|')(text) },
    stderr: { write: (text: string) => add('!')(text) },
    out: add('|'),
    say: add('!'),
    env: env as Record<string, string>,
    cwd: folder,
    askSecret: undefined,
    color: false,
  };
  const code = await run(words.slice(at + 1) as string[], io);
  return code === 0 ? lines : [`? ${code}`, ...lines];
}

/** Of the log in rest/, as its checkpoint has it. */
const publishedRoot = (folder: string): string =>
  readFileSync(join(folder, 'rest/data/log/checkpoint'), 'utf8').split('\n')[2] ?? '';

function shown(text: string, folder: string, mark: string): string[] {
  const stable = VARYING.reduce(
    (before, [pattern, name]) => before.replace(pattern, name),
    text.replaceAll(folder, 'DIR'),
  );
  const lines = stable.replace(/\n$/, '').split('\n');
  return lines.map((line) => `${mark} ${line}`.trimEnd());
}

describe('the command line', () => {
  test.each(readdirSync(scripts).filter((name) => name.endsWith('.txt')))('%s', async (name) => {
    const folder = mkdtempSync(join(tmpdir(), 'sealrail-cli-'));
    try {
      await writeLogForTest(join(folder, 'rest'));
      const path = join(scripts, name);
      const script = readFileSync(path, 'utf8');
      if (script.includes('decided/')) await writeDecisionsForTest(join(folder, 'decided'));
      const seen = await session(script, folder);
      await expect(seen).toMatchFileSnapshot(path);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

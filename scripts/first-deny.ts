/**
 * Seconds from `npm start`, with packages installed and nothing built, to the first blocked DELETE on the
 * screen; in a copy of the tracked files, so that no earlier build or demo helps. Fails over SECONDS_MAX.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../demo/port.ts';

const SECONDS_MAX = 90;
/** When nobody waits any longer. */
const GIVE_UP_MS = 5 * 60_000;

const root = fileURLToPath(new URL('..', import.meta.url));

/** What is tracked or new and not ignored, and the installed packages; symlinks stay what they are. */
function copyTo(folder: string): void {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'];
  const gone = execFileSync('git', ['ls-files', '-z', '--deleted'], {
    cwd: root,
    encoding: 'utf8',
  });
  const deleted = new Set(gone.split('\0'));
  for (const path of execFileSync('git', list, { cwd: root, encoding: 'utf8' }).split('\0')) {
    if (path === '' || deleted.has(path)) continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(root, path), join(folder, path));
  }
  cpSync(join(root, 'node_modules'), join(folder, 'node_modules'), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !/node_modules\/\.(cache|vite)/.test(path),
  });
}

/** Resolves when the demo says what to try. */
function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('Ctrl-C')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`npm start ended with ${code}: ${said}`)));
    setTimeout(() => reject(new Error('npm start says nothing')), GIVE_UP_MS).unref();
  });
}

async function measure(folder: string): Promise<number> {
  const ports = [String(await freePort()), String(await freePort())];
  const env = {
    ...process.env,
    SEALRAIL_DEMO_PORT: ports[0],
    SEALRAIL_DEMO_API_PORT: ports[1],
  };
  const started = performance.now();
  const demo = spawn('npm', ['start'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const ended = new Promise((resolve) => demo.once('close', resolve));
  try {
    await ready(demo);
    const sql = ['sealrail', 'sql', 'DELETE FROM customers'];
    const blocked = spawnSync('npx', sql, { cwd: folder, encoding: 'utf8' });
    const seconds = (performance.now() - started) / 1_000;
    process.stderr.write(blocked.stdout + blocked.stderr);
    if (blocked.status !== 77 || !blocked.stdout.includes('denied by policy sql-unscoped-write'))
      throw new Error(`the DELETE was not blocked: it ended with ${blocked.status}`);
    return seconds;
  } finally {
    // The whole group: npm itself does not wait for what it started.
    if (demo.pid !== undefined) process.kill(-demo.pid, 'SIGINT');
    await ended;
  }
}

const folder = mkdtempSync(join(tmpdir(), 'sealrail-first-deny-'));
// As root PostgreSQL runs as nobody, who has to find the way.
chmodSync(folder, 0o711);
try {
  copyTo(folder);
  const seconds = Math.round((await measure(folder)) * 10) / 10;
  console.log(JSON.stringify({ seconds, secondsMax: SECONDS_MAX, ok: seconds <= SECONDS_MAX }));
  process.exitCode = seconds <= SECONDS_MAX ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

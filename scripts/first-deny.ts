/**
 * Seconds from `npm start`, in a folder that holds nothing yet, to the first blocked DELETE on the screen.
 * Prints one line of JSON; fails above the bound.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../demo/postgres.ts';

const SECONDS_MAX = 90;

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'sealrail-first-'));
const env = {
  ...process.env,
  SEALRAIL_DEMO_DIR: folder,
  SEALRAIL_DEMO_PORT: String(await freePort()),
  SEALRAIL_DEMO_API_PORT: String(await freePort()),
  SEALRAIL_CONFIG: join(folder, 'sealrail.yaml'),
};
const started = performance.now();
const start = spawn('npm', ['start'], {
  cwd: root,
  env,
  stdio: ['ignore', 'pipe', 'inherit'],
  detached: true,
});
const ended = new Promise<void>((resolve) => start.once('exit', () => resolve()));
try {
  await new Promise<void>((resolve, reject) => {
    start.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('Ctrl-C')) resolve();
    });
    void ended.then(() => reject(new Error('npm start ended before it was ready')));
  });
  const ready = (performance.now() - started) / 1_000;
  const tried = spawnSync('npx', ['sealrail', 'sql', 'DELETE FROM customers'], {
    cwd: root,
    env,
    encoding: 'utf8',
  });
  const seconds = (performance.now() - started) / 1_000;
  const denied =
    tried.status === 77 && tried.stdout.includes('denied by policy sql-unscoped-write');
  const ok = denied && seconds <= SECONDS_MAX;
  console.log(
    JSON.stringify({
      readySeconds: Math.round(ready * 10) / 10,
      firstDenySeconds: Math.round(seconds * 10) / 10,
      denied,
      ok,
    }),
  );
  process.exitCode = ok ? 0 : 1;
} finally {
  // The whole group: npm, the demo and what it started; then the demo stops its own children.
  if (start.pid !== undefined && start.exitCode === null) process.kill(-start.pid, 'SIGINT');
  await ended;
  rmSync(folder, { recursive: true, force: true });
}

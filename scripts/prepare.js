// Runs before every npm command: refuses an old Node with one sentence, then brings the build up to
// date (tsc -b is incremental; the console is built only when one of its sources is newer).
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 7)) {
  console.error(
    `sealrail needs Node 24.7 or later and found ${process.versions.node}: on Linux \`npm ci\` without --omit=optional brings it along, elsewhere install it from https://nodejs.org.`,
  );
  process.exit(78);
}

const require = createRequire(import.meta.url);

/** The newest modification time below a folder, so that an edit anywhere in it is seen. */
function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function run(command, args) {
  const done = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  });
  if (done.status === 0) return;
  process.stderr.write(done.stdout + done.stderr);
  process.exit(done.status ?? 1);
}

run(process.execPath, [join(require.resolve('typescript/package.json'), '../bin/tsc'), '-b']);

const built = ['index.html', 'verify.html'].map((name) =>
  join(root, 'packages/server/assets', name),
);
const sources = [
  'packages/console/src',
  'packages/console/package.json',
  'packages/console/vite.config.ts',
  'packages/console/index.html',
  'packages/console/verify.html',
  'packages/console/public',
  'packages/tlog/src',
];
const oldest = Math.min(...built.map((path) => (existsSync(path) ? statSync(path).mtimeMs : 0)));
const stale = sources.some((path) => newest(join(root, path)) > oldest);
if (stale) run('npm', ['run', 'build', '--silent', '-w', '@sealrail/console']);

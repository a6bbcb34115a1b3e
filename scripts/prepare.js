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
const bin = (name, file) => join(require.resolve(`${name}/package.json`), '..', file);

/** The newest modification time below a folder, so that an edit anywhere in it is seen. */
function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function run(args, cwd) {
  const done = spawnSync(process.execPath, args, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  });
  if (done.status === 0) return;
  process.stderr.write(done.stdout + done.stderr);
  process.exit(done.status ?? 1);
}

run([bin('typescript', 'bin/tsc'), '-b'], root);

const assets = join(root, 'packages/server/assets/index.html');
const sources = [
  'packages/console/src',
  'packages/console/package.json',
  'packages/console/vite.config.ts',
  'packages/tlog/src',
];
const stale =
  !existsSync(assets) ||
  sources.some((path) => newest(join(root, path)) > statSync(assets).mtimeMs);
if (stale)
  run([bin('vite', 'bin/vite.js'), 'build', '--logLevel', 'warn'], join(root, 'packages/console'));

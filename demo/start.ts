/**
 * `npm start`: a guarded shop on this machine. Ctrl-C stops all of it; a second start continues the same
 * log.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DaemonProcess, startDaemonProcess } from './daemon.ts';
import { CONFIGURATION, DemoError, UNAVAILABLE } from './error.ts';
import { type DemoLock, lockDemo } from './lock.ts';
import { claimFolder, prepareDemo } from './place.ts';
import { isFree } from './port.ts';

const HOME = fileURLToPath(new URL('../.sealrail', import.meta.url));
/** A daemon whose starter was killed stops by itself, but not at once. */
const LEFTOVER_MS_MAX = 8_000;
const RETRY_MS = 200;

const say = (line: string): void => console.error(line);

interface Place {
  readonly folder: string;
  readonly gatewayPort: number;
  readonly apiPort: number;
}

function placeOf(env: NodeJS.ProcessEnv): Place {
  return {
    folder: resolve(env.SEALRAIL_DEMO_DIR ?? HOME),
    gatewayPort: portOf('SEALRAIL_DEMO_PORT', env.SEALRAIL_DEMO_PORT ?? '6432'),
    apiPort: portOf('SEALRAIL_DEMO_API_PORT', env.SEALRAIL_DEMO_API_PORT ?? '7070'),
  };
}

function portOf(setting: string, text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new DemoError(CONFIGURATION, `${setting}: ${JSON.stringify(text)} is no port`);
}

function lock(folder: string): DemoLock {
  const taken = lockDemo(folder);
  if ('release' in taken) return taken;
  throw new DemoError(
    UNAVAILABLE,
    `a demo runs in ${folder} already (${taken.heldBy}): stop it, or set SEALRAIL_DEMO_DIR to another place`,
  );
}

/** Before anything is started: a port that is taken is the commonest reason for a start to fail. */
async function checkPorts(place: Place): Promise<void> {
  const deadline = Date.now() + LEFTOVER_MS_MAX;
  while (await isLeftover(place)) {
    if (Date.now() > deadline) break;
    await new Promise((done) => setTimeout(done, RETRY_MS));
  }
  const ports = [
    [place.gatewayPort, 'gateway', 'SEALRAIL_DEMO_PORT'],
    [place.apiPort, 'console', 'SEALRAIL_DEMO_API_PORT'],
  ] as const;
  for (const [port, what, setting] of ports) {
    if (await isFree(port)) continue;
    throw new DemoError(
      UNAVAILABLE,
      `port ${port}, for the ${what}, is taken by another process: stop it, or set ${setting} to a free one`,
    );
  }
}

/** True while this folder's own daemon, of a start that was killed, still answers. */
async function isLeftover({ folder, apiPort }: Place): Promise<boolean> {
  const file = join(folder, 'log.vkey');
  if (!existsSync(file)) return false;
  try {
    const response = await fetch(`http://127.0.0.1:${apiPort}/api/status`);
    const { vkey } = (await response.json()) as { vkey?: string };
    return vkey === readFileSync(file, 'utf8').trim();
  } catch {
    return false;
  }
}

function greeting({ folder, gatewayPort }: Place, daemon: DaemonProcess, password: string): string {
  const elsewhere = folder === HOME ? '' : ` -c ${join(folder, 'sealrail.yaml')}`;
  const psql = `PGPASSWORD=${password} psql "host=127.0.0.1 port=${gatewayPort} dbname=shop user=alice"`;
  const hasPsql = spawnSync('psql', ['--version']).status === 0;
  return `
Sealrail guards a shop on this machine. Everything stays in ${folder}.

  console    ${daemon.ready.api}
  gateway    postgres on 127.0.0.1:${gatewayPort}, database shop, users alice, dba, svc, agent-1

Three things to try, in another terminal:

  npx sealrail sql "SELECT id, name, city FROM customers WHERE id = 42"${elsewhere}
  npx sealrail sql "DELETE FROM customers"${elsewhere}
  npx sealrail log tail${elsewhere}
${hasPsql ? `\nor with psql:  ${psql}\n` : ''}
Ctrl-C stops it all.`;
}

/**
 * From the first moment on, and however often: npm passes on the Ctrl-C that the terminal sends as well,
 * and a handler that is gone after the first would leave PostgreSQL behind at the second.
 */
function stopSignal(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => done());
  });
}

/** Resolves when everything has stopped, with the exit code. */
async function runDemo(place: Place, asked: Promise<void>): Promise<number> {
  let isAsked = false;
  void asked.then(() => {
    isAsked = true;
  });
  say('starting PostgreSQL…');
  const demo = await prepareDemo({ ...place, say });
  let daemon: DaemonProcess | undefined;
  try {
    if (isAsked) return 0;
    daemon = await startDaemonProcess(demo.config, say);
    console.log(greeting(place, daemon, demo.passwords.alice ?? ''));
    const code = await Promise.race([asked, daemon.ended]);
    if (code !== undefined) return code ?? UNAVAILABLE;
    say('stopping…');
    return (await daemon.stop()) ?? 0;
  } finally {
    await daemon?.stop();
    await demo.postgres.stop();
  }
}

async function main(): Promise<number> {
  const asked = stopSignal();
  const place = placeOf(process.env);
  claimFolder(place.folder);
  const { release } = lock(place.folder);
  try {
    await checkPorts(place);
    return await runDemo(place, asked);
  } finally {
    release();
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    say(`error: ${error instanceof Error ? error.message : error}`);
    process.exit(error instanceof DemoError ? error.exit : UNAVAILABLE);
  },
);

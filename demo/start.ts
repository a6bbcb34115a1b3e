/** `npm start`: a guarded shop on this machine. Ctrl-C stops all of it; a second start continues the same log. */
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type DaemonProcess,
  DemoError,
  prepareDemo,
  startDaemonProcess,
  writeFolder,
} from './place.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = process.env.SEALRAIL_DEMO_DIR ?? join(root, '.sealrail');
const gatewayPort = Number(process.env.SEALRAIL_DEMO_PORT ?? 6432);
const apiPort = Number(process.env.SEALRAIL_DEMO_API_PORT ?? 7070);
const say = (line: string) => console.error(line);

/** Before anything is started: a port that is taken is the commonest reason for a start to fail. */
function checkPort(port: number, what: string, setting: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', () =>
      reject(
        new DemoError(
          69,
          `port ${port}, for the ${what}, is taken by another process: stop it, or set ${setting} to a free one`,
        ),
      ),
    );
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve()));
  });
}

function greeting(daemon: DaemonProcess, password: string): string {
  const { api, gateways } = daemon.ready;
  const port = gateways[0]?.address.port ?? gatewayPort;
  const psql = spawnSync('psql', ['--version']).status === 0;
  return `
Sealrail guards a shop on this machine. Everything stays in ${folder}.

  console    ${api}
  gateway    postgres on 127.0.0.1:${port}, database shop, users alice, dba, svc, agent-1

Three things to try, in another terminal:

  npx sealrail sql "SELECT id, name, city FROM customers WHERE id = 42"
  npx sealrail sql "DELETE FROM customers"
  npx sealrail log tail
${psql ? `\nor with psql:  PGPASSWORD=${password} psql "host=127.0.0.1 port=${port} dbname=shop user=alice"\n` : ''}
Ctrl-C stops it all.`;
}

async function main(): Promise<number> {
  writeFolder(folder);
  await checkPort(gatewayPort, 'gateway', 'SEALRAIL_DEMO_PORT');
  await checkPort(apiPort, 'console', 'SEALRAIL_DEMO_API_PORT');
  say('starting PostgreSQL…');
  const demo = await prepareDemo({ folder, gatewayPort, apiPort, say });
  let daemon: DaemonProcess;
  try {
    daemon = await startDaemonProcess(demo.config, say);
  } catch (error) {
    await demo.postgres.stop();
    throw error;
  }
  console.log(greeting(daemon, demo.passwords.alice ?? ''));
  const stopped = new Promise<number>((resolve) => {
    const stop = () => {
      say('stopping…');
      void daemon.stop().then((code) => resolve(code ?? 0));
    };
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
    daemon.child.once('exit', (code) => resolve(code ?? 69));
  });
  const code = await stopped;
  await demo.postgres.stop();
  return code;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    say(`error: ${error instanceof Error ? error.message : error}`);
    process.exit(error instanceof DemoError ? error.exit : 69);
  },
);

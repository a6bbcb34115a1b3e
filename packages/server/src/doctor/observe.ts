/** Looks at a target through the configuration's own connection; nothing there is changed. */
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import type pg from 'pg';
import { isLoopback } from '../config/address.ts';
import type { PostgresTarget } from '../config/config.ts';
import { connectOwn } from '../gateway/postgres/catalog.ts';
import { closeSocket } from '../gateway/postgres/close-socket.ts';
import type { UpstreamAddress } from '../gateway/postgres/dial.ts';
import { frame } from '../gateway/postgres/frame.ts';
import { addressOf } from '../gateway/postgres/gateway.ts';
import { connectUpstream } from '../gateway/postgres/upstream.ts';
import type { Between, Observed } from './observed.ts';
import { readSurroundings } from './surroundings.ts';

/** An address of this machine that does not answer by then is not open to others either. */
const PROBE_MS_MAX = 1_000;
/** Addresses of this machine that are tried. */
const PROBES_MAX = 16;

/** Rejects where the upstream cannot be reached, or shows a certificate that cannot be trusted. */
export async function observeTarget(target: PostgresTarget): Promise<Observed> {
  const address = addressOf(target);
  const client = await connectOwn(address);
  try {
    const surroundings = await readSurroundings(client);
    return {
      surroundings,
      between: await readBetween(client, address),
      handshake: await tryHandshake(address),
      openAddresses: isLoopback(address.host) ? await probeAddresses(address.port) : [],
    };
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** What the driver knows of its connection and does not declare. */
interface Inside {
  readonly processID: number | null;
  readonly connection: { readonly stream: Socket };
}

async function readBetween(client: pg.Client, address: UpstreamAddress): Promise<Between> {
  const { processID, connection } = client as unknown as Inside;
  const port = connection.stream.localPort;
  const first = await readSelf(client);
  // While another transaction holds the process that the first one had, a pooler has to take another.
  const other = await connectOwn(address);
  try {
    await other.query('BEGIN TRANSACTION READ ONLY');
    const taken = await readSelf(other);
    const second = await readSelf(client);
    return {
      isRelayed: first.port !== null && first.port !== port,
      isPooled: first.pid !== processID,
      isTransactionPooled: second.pid !== first.pid || taken.pid === first.pid,
    };
  } finally {
    await other.end().catch(() => undefined);
  }
}

async function readSelf(client: pg.Client): Promise<{ pid: number; port: number | null }> {
  const { rows } = await client.query<{ pid: number; port: number | null }>(
    'SELECT pg_backend_pid() AS pid, inet_client_port() AS port',
  );
  return rows[0] ?? { pid: 0, port: null };
}

/** The gateway connects by itself: no password in clear, and the settings that it pins have to arrive. */
async function tryHandshake(address: UpstreamAddress): Promise<string | undefined> {
  try {
    const { socket } = await connectUpstream(
      address,
      new Map([['application_name', 'sealrail doctor']]),
    );
    socket.on('error', () => undefined).write(frame('X'));
    closeSocket(socket);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function probeAddresses(port: number): Promise<string[]> {
  const addresses = Object.values(networkInterfaces())
    .flatMap((found) => found ?? [])
    .filter(({ internal, scopeid }) => !internal && !scopeid)
    .map(({ address }) => address)
    .slice(0, PROBES_MAX);
  const open = await Promise.all(addresses.map((host) => isOpen(host, port)));
  return addresses.filter((_, at) => open[at]);
}

function isOpen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(PROBE_MS_MAX, () => settle(false));
    socket.once('connect', () => settle(true)).on('error', () => settle(false));
  });
}

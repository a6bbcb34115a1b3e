/** A PostgreSQL gateway: one listener before one target, one upstream connection a session. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { Guard, Principal, Recorder } from '@sealrail/sdk';
import type { Address, PostgresTarget, User } from '../../config/config.ts';
import { type CatalogReader, openCatalog, type UpstreamAddress } from './catalog.ts';
import { frame, int32 } from './frame.ts';
import { Judge, Readings } from './judge.ts';
import { openParser, SERVER_LINES, serverLine } from './parse.ts';
import { Session } from './session.ts';
import {
  AUTHENTICATION_MS_MAX,
  authenticate,
  Incoming,
  negotiation,
  type Opening,
  Refusal,
  readOpening,
  refuse,
} from './startup.ts';
import { cancelUpstream, connectUpstream, UpstreamError } from './upstream.ts';

/** Connections at once, those that have not authenticated included; further ones are refused with 53300. */
export const SESSIONS_MAX = 1_000;

export interface GatewayOptions {
  readonly target: PostgresTarget;
  readonly users: () => readonly User[];
  readonly guard: Guard;
  readonly recorder: Recorder;
  readonly newId: () => string;
  readonly nowMs: () => number;
  readonly nowUs: () => number;
}

export interface Gateway {
  readonly address: Address;
  readonly sessions: number;
  /** Facts as this gateway would find them; undefined while the catalog cannot be read. */
  readonly catalog: CatalogReader;
  readonly readings: Readings;
  /** Takes effect for what is judged from now on; listen address and upstream stay. */
  reload(target: PostgresTarget): void;
  /** Stops listening, lets sessions end where nothing is open, and ends the rest at the deadline. */
  close(drainMs: number): Promise<void>;
}

/** A gateway that must not start: the configuration or the upstream is not fit for it. */
export class GatewayRefused extends Error {
  readonly kind: 'configuration' | 'unavailable';
  constructor(kind: 'configuration' | 'unavailable', message: string) {
    super(message);
    this.kind = kind;
  }
}

function addressOf({ upstream }: PostgresTarget): UpstreamAddress {
  const { host, port, user, database, password } = upstream;
  return { host, port, user, database, ...(password === undefined ? {} : { password }) };
}

async function openUpstream(target: PostgresTarget): Promise<CatalogReader> {
  const where = `target ${target.name}: the upstream ${target.upstream.host}:${target.upstream.port}`;
  let catalog: Awaited<ReturnType<typeof openCatalog>>;
  try {
    catalog = await openCatalog(addressOf(target), target.upstream.accept);
  } catch (error) {
    throw new GatewayRefused(
      'unavailable',
      `${where} cannot be used: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if ('refused' in catalog)
    throw new GatewayRefused('configuration', `${where} is refused: ${catalog.refused}`);
  return catalog;
}

interface Cancellable {
  readonly key: Buffer;
  readonly upstreamKey: Buffer;
}

class PostgresGateway implements Gateway {
  readonly #options: GatewayOptions;
  #target: PostgresTarget;
  readonly #server: Server;
  readonly catalog: CatalogReader;
  readonly readings: Readings;
  readonly #sessions = new Set<Session>();
  readonly #sockets = new Set<Socket>();
  readonly #cancellable = new Map<number, Cancellable[]>();
  /** Random for each process: what a name that does not exist is answered with must not be foreseeable. */
  readonly #mockSecret = randomBytes(32);

  constructor(options: GatewayOptions, catalog: CatalogReader, readings: Readings) {
    this.#options = options;
    this.#target = options.target;
    this.catalog = catalog;
    this.readings = readings;
    this.#server = createServer(
      { pauseOnConnect: false, noDelay: true },
      (socket) => void this.#accept(socket),
    );
  }

  listen(): Promise<void> {
    const { host, port } = this.#target.listen;
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        const reason =
          error.code === 'EADDRINUSE'
            ? 'is taken by another process'
            : `cannot be used: ${error.message}`;
        reject(
          new GatewayRefused(
            'unavailable',
            `target ${this.#target.name}: ${host}:${port} ${reason}`,
          ),
        );
      });
      this.#server.listen(port, host, () => resolve());
    });
  }

  get address(): Address {
    const bound = this.#server.address();
    return typeof bound === 'object' && bound
      ? { host: bound.address, port: bound.port }
      : this.#target.listen;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  reload(target: PostgresTarget): void {
    this.#target = { ...target, listen: this.#target.listen, upstream: this.#target.upstream };
  }

  async #accept(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
    const incoming = new Incoming(socket);
    const timer = setTimeout(() => socket.destroy(), AUTHENTICATION_MS_MAX);
    const client = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    let name: string | undefined;
    try {
      if (this.#sockets.size > SESSIONS_MAX)
        throw new Refusal('53300', `sorry, too many clients already (${SESSIONS_MAX})`);
      const opening = await readOpening(socket, incoming);
      if (opening.kind === 'cancel') {
        this.#cancel(opening.pid, opening.key);
        socket.end();
        return;
      }
      name = opening.user;
      await this.#open(socket, incoming, opening, client);
    } catch (error) {
      const { code } = refuse(
        socket,
        error instanceof UpstreamError
          ? new Refusal('57P03', 'the database cannot be reached at the moment')
          : error,
      );
      this.#record(
        'authentication',
        'refused',
        { ...client, ...(name === undefined ? {} : { user: name.slice(0, 128) }) },
        { code },
      );
    } finally {
      clearTimeout(timer);
    }
  }

  #record(
    event: 'authentication' | 'start',
    result: 'ok' | 'refused',
    client: Record<string, string | number>,
    more: { code?: string; session?: string; principal?: Principal },
  ): Promise<number> {
    const { code, session, principal } = more;
    const { durable } = this.#options.recorder.record(
      {
        kind: 'session',
        event,
        target: this.#target.name,
        client,
        result,
        ...(code === undefined ? {} : { code }),
      },
      { ...(session === undefined ? {} : { session }), ...(principal ? { principal } : {}) },
    );
    durable.catch(() => undefined);
    return durable;
  }

  async #open(
    socket: Socket,
    incoming: Incoming,
    opening: Extract<Opening, { kind: 'session' }>,
    client: { address: string; port: number },
  ): Promise<void> {
    const negotiated = negotiation(opening);
    if (negotiated) socket.write(negotiated);
    const user = await authenticate(
      socket,
      incoming,
      opening.user,
      this.#options.users(),
      this.#mockSecret,
    );
    const { upstream: configured } = this.#target;
    if (opening.database !== configured.database && opening.database !== this.#target.name) {
      throw new Refusal(
        '3D000',
        `database "${opening.database}" does not exist`,
        `this gateway leads to "${configured.database}"`,
      );
    }
    const id = this.#options.newId();
    const settings = new Map(opening.settings);
    settings.set(
      'application_name',
      `${settings.get('application_name') ?? ''} sealrail:${id}`.trim().slice(-63),
    );
    const upstream = await connectUpstream(addressOf(this.#target), settings);
    const principal: Principal = { type: user.type, id: user.name, proof: 'scram' };
    try {
      await this.#record(
        'start',
        'ok',
        { ...client, backendPid: upstream.pid },
        { session: id, principal },
      );
    } catch {
      upstream.socket.destroy();
      throw new Refusal('58000', 'the log cannot record this session');
    }
    if (socket.destroyed) {
      upstream.socket.destroy();
      return;
    }
    const key = randomBytes(4);
    socket.write(
      Buffer.concat([
        frame('R', int32(0)),
        ...upstream.greeting,
        frame('K', int32(upstream.pid), key),
        frame('Z', Buffer.from('I')),
      ]),
    );
    const judge = new Judge({
      guard: this.#options.guard,
      target: () => this.#target,
      user,
      principal,
      session: id,
      ip: socket.remoteAddress?.replace(/^::ffff:/, ''),
      readings: this.readings,
      catalog: () => this.catalog.current(),
      nowMs: this.#options.nowMs,
    });
    const session = new Session({
      id,
      client: socket,
      upstream,
      frames: incoming.release(),
      judge,
      catalog: this.catalog,
      recorder: this.#options.recorder,
      about: { session: id, principal },
      target: this.#target.name,
      newId: this.#options.newId,
      nowUs: this.#options.nowUs,
    });
    this.#sessions.add(session);
    const cancellable = { key, upstreamKey: upstream.key };
    this.#cancellable.set(upstream.pid, [
      ...(this.#cancellable.get(upstream.pid) ?? []),
      cancellable,
    ]);
    void session.closed.then(() => {
      this.#sessions.delete(session);
      const left = (this.#cancellable.get(upstream.pid) ?? []).filter((one) => one !== cancellable);
      if (left.length > 0) this.#cancellable.set(upstream.pid, left);
      else this.#cancellable.delete(upstream.pid);
    });
    session.start();
  }

  /** Only with the key that this very session was given; compared in constant time, and never answered. */
  #cancel(pid: number, key: Buffer): void {
    const found = this.#cancellable
      .get(pid)
      ?.find((one) => one.key.length === key.length && timingSafeEqual(one.key, key));
    if (found) cancelUpstream(addressOf(this.#target), pid, found.upstreamKey);
  }

  async close(drainMs: number): Promise<void> {
    this.#server.close();
    const sessions = [...this.#sessions];
    for (const session of sessions) session.drain();
    const timer = setTimeout(() => {
      for (const session of sessions)
        session.kill('57P01', 'terminating connection: Sealrail is shutting down');
    }, drainMs);
    await Promise.all(sessions.map((session) => session.closed));
    clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroySoon();
    await this.catalog.close();
  }
}

/** Opens the listener; rejects with GatewayRefused where it must not start. */
export async function openPostgresGateway(options: GatewayOptions): Promise<Gateway> {
  const catalog = await openUpstream(options.target);
  const line = serverLine(catalog.serverVersion);
  if (line === undefined) {
    await catalog.close();
    throw new GatewayRefused(
      'configuration',
      `target ${options.target.name}: PostgreSQL ${catalog.serverVersion} is not supported; ${SERVER_LINES[0]} to ${SERVER_LINES.at(-1)} are`,
    );
  }
  const gateway = new PostgresGateway(options, catalog, new Readings(await openParser(line)));
  try {
    await gateway.listen();
  } catch (error) {
    await catalog.close();
    throw error;
  }
  return gateway;
}

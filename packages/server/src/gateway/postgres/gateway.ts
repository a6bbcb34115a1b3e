/** A PostgreSQL gateway: one listener before one target, one upstream connection a session. */
import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import {
  type Guard,
  type Json,
  keepCanonical,
  type Principal,
  type Recorder,
  type SessionFields,
} from '@sealrail/sdk';
import type { Address, PostgresTarget, User } from '../../config/config.ts';
import { StatementsKept } from './action.ts';
import { AUTHENTICATION_MS_MAX, AUTHENTICATION_OK, authenticate } from './authentication.ts';
import { CancelKeys, cancelUpstream } from './cancel.ts';
import { type CatalogReader, openCatalog } from './catalog.ts';
import { ClientTls } from './client-tls.ts';
import { trustProblem, type UpstreamAddress } from './dial.ts';
import { errorResponse, frame, int32 } from './frame.ts';
import { ClientGone, Incoming } from './incoming.ts';
import { Judge } from './judge.ts';
import { type Connection, readOpening } from './opening.ts';
import { openParser, SERVER_LINES, serverLine } from './parse.ts';
import { Readings } from './readings.ts';
import { refusalOf } from './refusal.ts';
import { Session } from './session.ts';
import type { SessionView } from './session-view.ts';
import { type CancelOpening, Refusal, type SessionOpening } from './startup.ts';
import { openNames } from './statements.ts';
import { connectUpstream, type Upstream } from './upstream.ts';

/** Connections at once, those that have not authenticated included; further ones get 53300. */
export const SESSIONS_MAX = 1_000;
/** Bytes of application_name; the session's id must not be what is cut off. */
const APPLICATION_NAME_BYTES_MAX = 63;
const USER_LENGTH_LOGGED_MAX = 128;
const KEEP_ALIVE_MS = 60_000;

export interface GatewayOptions {
  readonly target: PostgresTarget;
  readonly users: () => readonly User[];
  readonly guard: Guard;
  readonly recorder: Recorder;
  readonly newId: () => string;
  readonly nowMs: () => number;
  readonly nowUs: () => number;
  /**
   * What the salts of names that do not exist are made from, and the key of the hashes that stand for masked
   * values. Kept over restarts it gives the same ones again; without one it is drawn anew for each process.
   */
  readonly secret?: Uint8Array;
  /** SESSIONS_MAX, unless a test wants fewer. */
  readonly sessionsMax?: number;
}

export interface Gateway {
  readonly address: Address;
  readonly sessions: number;
  /** Oldest first. */
  list(): SessionView[];
  /**
   * Ends a session on both sides, and cancels what it runs at the server; resolves when that is done. False
   * where there is none of this id.
   */
  kill(id: string): Promise<boolean>;
  /** Facts as this gateway would find them; undefined while the catalog cannot be read. */
  readonly catalog: CatalogReader;
  readonly readings: Readings;
  /**
   * Takes effect for what is judged from now on, and for who connects from now on; listen address and
   * upstream stay, but for the authority that the upstream's certificate is verified against.
   */
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

/** Opens the listener; rejects with GatewayRefused where it must not start. */
export async function openPostgresGateway(options: GatewayOptions): Promise<Gateway> {
  const { target } = options;
  let current = target;
  const catalog = await openUpstreamCatalog(target, () => addressOf(current));
  try {
    const line = serverLine(catalog.serverVersion);
    if (line === undefined) {
      const lines = `${SERVER_LINES[0]} to ${SERVER_LINES.at(-1)}`;
      const version = `PostgreSQL ${catalog.serverVersion}`;
      throw new GatewayRefused(
        'configuration',
        `target ${target.name}: ${version} is not supported, ${lines} are`,
      );
    }
    const readings = new Readings(await openParser(line));
    const gateway = new PostgresGateway(options, { catalog, readings }, (reloaded) => {
      current = reloaded;
    });
    await gateway.listen();
    return gateway;
  } catch (error) {
    await catalog.close();
    throw error;
  }
}

async function openUpstreamCatalog(
  target: PostgresTarget,
  address: () => UpstreamAddress,
): Promise<CatalogReader> {
  const { host, port, accept } = target.upstream;
  const where = `target ${target.name}: the upstream ${host}:${port}`;
  let catalog: Awaited<ReturnType<typeof openCatalog>>;
  try {
    catalog = await openCatalog(address, accept);
  } catch (error) {
    const problem = trustProblem(error, address());
    if (problem !== undefined) {
      throw new GatewayRefused('configuration', `${where} cannot be trusted: ${problem}`);
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new GatewayRefused('unavailable', `${where} cannot be used: ${reason}`);
  }
  if ('refused' in catalog) {
    throw new GatewayRefused('configuration', `${where} is refused: ${catalog.refused}`);
  }
  return catalog;
}

export function addressOf({ upstream }: PostgresTarget): UpstreamAddress {
  const { accept: _, ...address } = upstream;
  return address;
}

/** Somebody at the door: what is logged of it whatever becomes of it. */
interface Visitor extends Connection {
  readonly client: { [key: string]: Json };
}

class PostgresGateway implements Gateway {
  readonly catalog: CatalogReader;
  readonly readings: Readings;
  readonly #options: GatewayOptions;
  readonly #server: Server;
  /** By id, in the order in which they began. */
  readonly #sessions = new Map<string, Held>();
  readonly #sockets = new Set<Socket>();
  readonly #keys: CancelKeys;
  readonly #kept = new StatementsKept();
  readonly #secret: Uint8Array;
  readonly #onReload: (target: PostgresTarget) => void;
  readonly #maskKey: Uint8Array;
  #target: PostgresTarget;
  #tls: ClientTls | undefined;

  constructor(
    options: GatewayOptions,
    { catalog, readings }: Pick<Gateway, 'catalog' | 'readings'>,
    onReload: (target: PostgresTarget) => void,
  ) {
    this.#options = options;
    this.#target = options.target;
    this.#tls = options.target.tls && new ClientTls(options.target.tls);
    this.#onReload = onReload;
    this.#keys = new CancelKeys(options.nowMs);
    this.#secret = options.secret ?? randomBytes(32);
    // What is made of a client's name under the same secret begins with another word: see scram.ts.
    this.#maskKey = createHmac('sha256', this.#secret)
      .update(`sealrail mask key\0${options.target.name}`)
      .digest();
    this.catalog = catalog;
    this.readings = readings;
    const keepAlive = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
    this.#server = createServer({ noDelay: true, ...keepAlive }, (socket) => {
      void this.#accept(socket);
    });
  }

  listen(): Promise<void> {
    const { name, listen } = this.#target;
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        const taken = error.code === 'EADDRINUSE';
        const reason = taken ? 'is taken by another process' : `cannot be used: ${error.message}`;
        const where = `target ${name}: ${listen.host}:${listen.port}`;
        reject(new GatewayRefused('unavailable', `${where} ${reason}`));
      });
      this.#server.listen(listen.port, listen.host, () => resolve());
    });
  }

  get address(): Address {
    const bound = this.#server.address();
    if (typeof bound !== 'object' || bound === null) return this.#target.listen;
    return { host: bound.address, port: bound.port };
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  list(): SessionView[] {
    return [...this.#sessions].map(([id, { session, admitted, sinceMs }]) => ({
      id,
      target: this.#target.name,
      user: admitted.user.name,
      type: admitted.user.type,
      address: String(admitted.client.address),
      since: new Date(sinceMs).toISOString(),
      backendPid: admitted.upstream.pid,
      ...session.state,
    }));
  }

  async kill(id: string): Promise<boolean> {
    const held = this.#sessions.get(id);
    if (!held) return false;
    const { session, admitted } = held;
    const isRunning = session.state.waiting > 0;
    session.kill('57P01', 'terminating connection: somebody has ended this session');
    // The server would notice that nobody is there only when it is done with what it runs.
    if (isRunning) await cancelUpstream(addressOf(this.#target), admitted.upstream);
    await session.closed;
    return true;
  }

  reload(target: PostgresTarget): void {
    const { listen, upstream } = this.#target;
    const trusted = target.upstream.tls && upstream.tls ? { tls: target.upstream.tls } : {};
    this.#target = { ...target, listen, upstream: { ...upstream, ...trusted } };
    // Sessions keep the certificate that they began with.
    this.#tls = target.tls && new ClientTls(target.tls);
    this.#onReload(this.#target);
  }

  async close(drainMs: number): Promise<void> {
    this.#server.close();
    const sessions = [...this.#sessions.values()].map(({ session }) => session);
    for (const session of sessions) session.drain();
    const timer = setTimeout(() => {
      for (const session of sessions) {
        session.kill('57P01', 'terminating connection: Sealrail is shutting down');
      }
    }, drainMs);
    await Promise.all(sessions.map(({ closed }) => closed));
    clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroySoon();
    await this.catalog.close();
  }

  // ---------------------------------------------------------------- connections

  async #accept(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
    const client: { [key: string]: Json } = {
      address: socket.remoteAddress ?? '',
      port: socket.remotePort ?? 0,
    };
    const visitor: Visitor = {
      socket,
      incoming: new Incoming(socket),
      secured: undefined,
      client,
    };
    const timer = setTimeout(() => socket.destroy(), AUTHENTICATION_MS_MAX);
    try {
      const { sessionsMax = SESSIONS_MAX } = this.#options;
      if (this.#sockets.size > sessionsMax) {
        throw new Refusal('53300', `sorry, too many clients already (${sessionsMax})`);
      }
      const opening = await readOpening(visitor, this.#tls);
      if (opening.kind === 'cancel') return await this.#cancel(visitor.socket, opening);
      client.user = opening.user.slice(0, USER_LENGTH_LOGGED_MAX);
      await this.#open(visitor, opening);
    } catch (error) {
      await this.#refuse(visitor, error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Never answered: who asks learns nothing but that the connection is closed. */
  async #cancel(socket: Socket, { pid, key }: CancelOpening): Promise<void> {
    const upstreamKey = this.#keys.take(pid, key);
    if (upstreamKey) await cancelUpstream(addressOf(this.#target), { pid, key: upstreamKey });
    socket.destroySoon();
  }

  /** The entry first; then the client is told, in any case. */
  async #refuse({ socket, incoming, client }: Visitor, error: unknown): Promise<void> {
    // A health check that opens a connection and closes it is nobody who was refused anything.
    if (error instanceof ClientGone && !incoming.received) return;
    const { code, message, hint } = refusalOf(error);
    const fields = { event: 'authentication', client, result: 'refused', code } as const;
    await this.#record(fields, {}).catch(() => undefined);
    const more = hint === undefined ? {} : { hint };
    socket.write(errorResponse({ severity: 'FATAL', code, message, ...more }));
    socket.destroySoon();
  }

  #record(
    fields: Omit<SessionFields, 'kind' | 'target'>,
    about: { session?: string; principal?: Principal },
  ): Promise<number> {
    const target = this.#target.name;
    const { durable } = this.#options.recorder.record(
      { kind: 'session', target, ...fields },
      about,
    );
    durable.catch(() => undefined);
    return durable;
  }

  async #open(visitor: Visitor, opening: SessionOpening): Promise<void> {
    const { socket, incoming, client, secured } = visitor;
    describeTls(visitor);
    if (!secured && this.#tls?.config.require) {
      const hint = 'sslmode=verify-full in the connection string';
      throw new Refusal('28000', 'this gateway takes connections over TLS only', hint);
    }
    if (opening.negotiation) socket.write(opening.negotiation);
    const { user, proof } = await authenticate(socket, incoming, {
      name: opening.user,
      users: this.#options.users(),
      secret: this.#secret,
      secured,
    });
    const id = this.#options.newId();
    const principal = keepCanonical<Principal & { readonly [key: string]: string }>({
      type: user.type,
      id: user.name,
      proof,
    });
    const about = { session: id, principal };
    void this.#record({ event: 'authentication', client, result: 'ok' }, about);
    this.#needDatabase(opening.database);
    const upstream = await connectUpstream(addressOf(this.#target), settingsFor(opening, id));
    try {
      const started = { ...client, backendPid: upstream.pid };
      await this.#record({ event: 'start', client: started, result: 'ok' }, about);
    } catch {
      upstream.socket.destroy();
      throw new Refusal('58000', 'the log cannot record this session, so it cannot begin');
    }
    if (socket.destroyed) upstream.socket.destroy();
    else this.#begin({ ...visitor, user, about, upstream, minor: opening.minor });
  }

  #needDatabase(database: string): void {
    const { name, upstream } = this.#target;
    if (database === upstream.database || database === name) return;
    const hint = `this gateway leads to the database ${upstream.database}`;
    throw new Refusal('3D000', `database "${database}" does not exist`, hint);
  }

  #begin(admitted: Admitted): void {
    const { socket, incoming, user, about, upstream, minor } = admitted;
    const names = openNames();
    const { guard, nowMs, nowUs, recorder, newId } = this.#options;
    const judge = new Judge({
      guard,
      target: () => this.#target,
      user,
      principal: about.principal,
      session: about.session,
      ip: socket.remoteAddress?.replace(/^::ffff:/, ''),
      readings: this.readings,
      kept: this.#kept,
      catalog: () => this.catalog.current(),
      names,
      nowMs,
    });
    const session = new Session({
      client: socket,
      upstream,
      frames: incoming.release(),
      judge,
      names,
      refreshCatalog: () => this.catalog.refresh(),
      guard,
      recorder,
      about,
      target: this.#target.name,
      newId,
      nowUs,
      maskKey: this.#maskKey,
    });
    const { key, release } = this.#keys.issue(upstream, minor);
    this.#sessions.set(about.session, { session, admitted, sinceMs: nowMs() });
    void session.closed.then(() => {
      this.#sessions.delete(about.session);
      release();
    });
    const keyData = frame('K', int32(upstream.pid), key);
    const ready = frame('Z', Buffer.from('I'));
    socket.write(Buffer.concat([AUTHENTICATION_OK, ...upstream.greeting, keyData, ready]));
    session.start();
  }
}

/** An auditor is told what protected the connection, and which certificate it was. */
function describeTls({ client, secured }: Visitor): void {
  if (!secured) return;
  client.tls = secured.socket.getProtocol() ?? '';
  if (secured.certificate) client.certificate = secured.certificate.fingerprint;
}

interface Admitted extends Visitor {
  readonly user: User;
  readonly about: { readonly session: string; readonly principal: Principal };
  readonly upstream: Upstream;
  readonly minor: number;
}

interface Held {
  readonly session: Session;
  readonly admitted: Admitted;
  readonly sinceMs: number;
}

/** The session's id in the server's own activity view and log: what joins them to the entries. */
function settingsFor({ settings }: SessionOpening, id: string): Map<string, string> {
  const mark = `sealrail:${id}`;
  const own = settings.get('application_name') ?? '';
  const room = APPLICATION_NAME_BYTES_MAX - mark.length - 1;
  // The server keeps ASCII only, so a character is a byte.
  const name = own.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, room);
  return new Map(settings).set('application_name', name === '' ? mark : `${name} ${mark}`);
}

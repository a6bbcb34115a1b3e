/**
 * The guard for other processes of this machine. It stays one guard, with one owner for every counter: whoever
 * decides through it takes part in the same rates, however many processes there are. Who may connect is said
 * by the socket's permissions.
 */
import { lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { About } from '../entry/recorder.ts';
import type { Guard } from '../guard/guard.ts';
import { actFromJson, FrameReader, frameOf, type Question, type Reply } from './message.ts';

/** Of one connection, not answered yet; past it nothing more is read from it. */
export const UNANSWERED_MAX = 1_000;
/** Allowed over one connection and without an outcome; a process that never tells any is stopped. */
export const OPEN_MAX = 100_000;
export const CONNECTIONS_MAX = 256;
const OWNER_ONLY = 0o177;

export interface GuardService {
  /** Ends every connection; what was allowed over them and has no outcome is `unknown` from then on. */
  close(): Promise<void>;
}

/** Rejects where the path cannot be used, or another process serves there. */
export async function serveGuard(guard: Guard, path: string): Promise<GuardService> {
  await removeStale(path);
  const connections = new Set<Connection>();
  const server = createServer((socket) => {
    if (connections.size >= CONNECTIONS_MAX) return void socket.destroy();
    const connection = new Connection(guard, socket);
    connections.add(connection);
    socket.once('close', () => connections.delete(connection));
  });
  await listen(server, path);
  return {
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const connection of connections) connection.end();
      await closed;
    },
  };
}

/** The name of a process that was killed is in the way of its successor. */
async function removeStale(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw new Error(`${path} is no socket`);
  const isServed = await new Promise<boolean>((resolve) => {
    const socket = connect(path, () => resolve(true)).on('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
  if (isServed) throw new Error(`${path} is served by another process`);
  unlinkSync(path);
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // The name is made inside of this call: there is no moment at which somebody else could connect.
    const before = process.umask(OWNER_ONLY);
    try {
      server.listen(path, () => resolve());
    } finally {
      process.umask(before);
    }
  });
}

class Connection {
  readonly #guard: Guard;
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  /** Decisions that were allowed and have no outcome yet, with what their outcome is to say of who. */
  readonly #open = new Map<string, About>();
  #unanswered = 0;

  constructor(guard: Guard, socket: Socket) {
    this.#guard = guard;
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (piece) => this.#take(piece));
    socket.once('close', () => this.#lost());
  }

  end(): void {
    this.#socket.destroy();
  }

  #take(piece: Buffer): void {
    try {
      this.#reader.push(piece);
      for (let next = this.#reader.next(); next !== undefined; next = this.#reader.next())
        this.#answer(next as Question);
    } catch {
      // Not of this protocol: nothing that was asked before is lost, and nothing after it is read.
      this.#socket.destroy();
    }
    if (this.#unanswered > UNANSWERED_MAX) this.#socket.pause();
  }

  #answer(question: Question): void {
    this.#unanswered++;
    const { id } = question;
    const refuse = (error: unknown): Reply => ({
      id,
      refused: error instanceof Error ? error.message : String(error),
    });
    let reply: Promise<Reply>;
    try {
      reply = this.#reply(question);
    } catch (error) {
      reply = Promise.resolve(refuse(error));
    }
    reply.catch(refuse).then((made) => {
      this.#unanswered--;
      const frame = frameOf(made) ?? frameOf(refuse(new Error('the answer is too long')));
      if (frame && !this.#socket.destroyed) this.#socket.write(frame);
      if (this.#unanswered <= UNANSWERED_MAX) this.#socket.resume();
    });
  }

  /** Decides before it returns: in the order of the questions. */
  #reply(question: Question): Promise<Reply> {
    const { id } = question;
    if (question.kind === 'outcome') {
      const { outcome, about } = question;
      this.#open.delete(outcome.decisionId);
      return this.#guard.outcome(outcome, about).then((index) => ({ id, index }));
    }
    if (question.kind !== 'decide') throw new TypeError('an unknown question');
    if (this.#open.size >= OPEN_MAX) throw new RangeError('too many actions without an outcome');
    const act = actFromJson(question.act);
    const { durable, ...decided } = this.#guard.decide(act);
    if (!decided.blocked) {
      const { session, principal, onBehalfOf, trace } = act;
      this.#open.set(decided.decisionId, {
        ...(session === undefined ? {} : { session }),
        ...(principal === undefined ? {} : { principal }),
        ...(onBehalfOf === undefined ? {} : { onBehalfOf }),
        ...(trace === undefined ? {} : { trace }),
      });
    }
    return durable.then(() => ({ id, decided }));
  }

  /** Nobody knows any more what became of these: what they reserved stays reserved. */
  #lost(): void {
    for (const [decisionId, about] of this.#open) {
      const outcome = { status: 'unknown' } as const;
      this.#guard.outcome({ decisionId, outcome, durationUs: 0 }, about).catch(() => undefined);
    }
    this.#open.clear();
  }
}

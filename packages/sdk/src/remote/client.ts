/** Deciding through the guard of another process. Without a connection nothing passes. */
import { connect, type Socket } from 'node:net';
import type { OutcomeFields } from '../entry/entry.ts';
import type { About } from '../entry/recorder.ts';
import { SealrailError } from '../errors.ts';
import type { Act } from '../guard/guard.ts';
import {
  actToJson,
  FrameReader,
  frameOf,
  type Question,
  type RemoteDecided,
  type Reply,
} from './message.ts';

export interface RemoteGuard {
  /**
   * Resolves when the decision is durable. Rejects with REMOTE_LOST or REMOTE_REFUSED where there is none:
   * then the action must not happen.
   */
  decide(act: Act): Promise<RemoteDecided>;
  /** What became of an allowed action; resolves with its entry's index when durable. */
  outcome(fields: Omit<OutcomeFields, 'kind'>, about: About): Promise<number>;
  close(): void;
}

/** Rejects with REMOTE_LOST where nobody serves at the path. */
export function connectGuard(path: string): Promise<RemoteGuard> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('error', (cause) => reject(lost(cause)));
    socket.once('connect', () => resolve(new SocketGuard(socket)));
  });
}

const lost = (cause?: unknown): SealrailError =>
  new SealrailError('REMOTE_LOST', 'there is no connection to the guard, so nothing passes', {
    hint: 'look whether the daemon runs',
    cause,
  });
const refused = (reason: string): SealrailError => new SealrailError('REMOTE_REFUSED', reason);

type UnnumberedQuestion = Question extends infer Q
  ? Q extends Question
    ? Omit<Q, 'id'>
    : never
  : never;

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

class SocketGuard implements RemoteGuard {
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (piece) => this.#take(piece));
    socket.on('error', () => undefined);
    socket.once('close', () => this.#fail());
  }

  async decide(act: Act): Promise<RemoteDecided> {
    const reply = await this.#ask({ kind: 'decide', act: actToJson(act) });
    if ('decided' in reply) return reply.decided;
    throw refused('the guard answered something else');
  }

  async outcome(outcome: Omit<OutcomeFields, 'kind'>, about: About): Promise<number> {
    const { session, principal, onBehalfOf, trace } = about;
    const who = { session, principal, onBehalfOf, trace } as About;
    const reply = await this.#ask({ kind: 'outcome', outcome, about: who });
    if ('index' in reply) return reply.index;
    throw refused('the guard answered something else');
  }

  close(): void {
    this.#socket.end();
  }

  #ask(question: UnnumberedQuestion): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed || !this.#socket.writable) return reject(lost());
      const id = this.#next++;
      const frame = frameOf({ ...question, id } as Question);
      if (frame === undefined) return reject(refused('the action is too large to be asked about'));
      this.#waiting.set(id, { resolve, reject });
      this.#socket.write(frame);
    });
  }

  #take(piece: Buffer): void {
    try {
      this.#reader.push(piece);
      for (let next = this.#reader.next(); next !== undefined; next = this.#reader.next())
        this.#answered(next as Reply);
    } catch {
      this.#socket.destroy();
    }
  }

  #answered(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ('refused' in reply) waiting?.reject(refused(reply.refused));
    else waiting?.resolve(reply);
  }

  #fail(): void {
    for (const { reject } of this.#waiting.values()) reject(lost());
    this.#waiting.clear();
  }
}

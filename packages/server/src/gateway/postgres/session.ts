/**
 * One client's session: what it sends is judged in order, made durable, and forwarded; nothing goes up
 * before the decision on it is on disk. Answers come back as they are, but for denials.
 */
import type { Socket } from 'node:net';
import type { About, EntryFields, Guard, Recorder, Verdict } from '@sealrail/sdk';
import { BackendReader, type Fate } from './backend.ts';
import { closeSocket } from './close-socket.ts';
import { denialFields, denialNotice, poisonedId } from './denial.ts';
import { errorResponse, type FrameReader, frame, ProtocolError, readErrorFields } from './frame.ts';
import { Frontend } from './frontend.ts';
import type { Judge } from './judge.ts';
import { type ClientMessage, clientFrameLimit, parseMessage } from './messages.ts';
import { allDurable, LOG_WAIT_MS_MAX, NotDurable, Outbox } from './outbox.ts';
import { Outcomes } from './outcome.ts';
import { Pipeline } from './pipeline.ts';
import { Results } from './results.ts';
import { ResultRefused } from './row-rewriter.ts';
import { scrubbed } from './scrub.ts';
import type { RowFate } from './showing.ts';
import type { Names } from './statements.ts';
import { PINNED_SETTINGS, type Upstream } from './upstream.ts';

/** Bytes of judged messages that wait for the disk together; past it they are flushed before more is read. */
export const BATCH_BYTES_MAX = 4 << 20;
/** What one session may judge before every other gets its turn: a long pipeline must not stop them all. */
export const TURN_US_MAX = 20_000;

/** Rows that were rewritten are pieces of their own: smaller ones on the average are joined before they are written. */
const PART_BYTES_MIN = 512;

export interface SessionOptions {
  readonly client: Socket;
  readonly upstream: Upstream;
  /** What of the client has arrived already. */
  readonly frames: FrameReader;
  readonly judge: Judge;
  readonly names: Names;
  readonly refreshCatalog: () => Promise<void>;
  readonly guard: Guard;
  readonly recorder: Recorder;
  readonly about: About;
  readonly target: string;
  readonly newId: () => string;
  readonly nowUs: () => number;
  /** What hashes in the place of values are made with. */
  readonly maskKey: Uint8Array;
}

/** How a session is doing at this moment. */
export interface SessionState {
  readonly inTransaction: boolean;
  /** Requests that the server has not answered yet. */
  readonly waiting: number;
  readonly decisions: number;
  readonly lastDecision?: {
    readonly id: string;
    readonly verdict: Verdict;
    readonly agoMs: number;
  };
}

/** Ends a session with an error that its client sees; anything outstanding is abandoned. */
class SessionEnd extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export class Session {
  /** Resolves when it is over; the end's entry has been handed to the log. */
  readonly closed: Promise<void>;
  readonly #options: SessionOptions;
  readonly #pipeline: Pipeline;
  readonly #outbox: Outbox;
  readonly #frontend: Frontend;
  readonly #backend: BackendReader;
  readonly #results: Results;
  readonly #outcomes: Outcomes;
  /** `ending`: nothing goes up any more, and the client is still to be told why. */
  #state: 'open' | 'ending' | 'ended' = 'open';
  #working = false;
  #decisions = 0;
  #last: { id: string; verdict: Verdict; atUs: number } | undefined;
  #status = 'I';
  #draining = false;
  /** The client has said that it ends: the server's end is then what was asked for. */
  #goodbye = false;
  /** The server has said itself why it ends the connection. */
  #fatal: string | undefined;
  #close: () => void = () => undefined;

  constructor(options: SessionOptions) {
    const { judge, names, refreshCatalog, newId, nowUs, upstream, maskKey } = options;
    this.#options = options;
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
    this.#outcomes = new Outcomes({
      newId,
      nowUs,
      write: (outcome) => this.#recorded(options.guard.outcome(outcome, options.about)),
    });
    this.#pipeline = new Pipeline({
      ready: (status) => this.#ready(status),
      partial: (units) => this.#outcomes.partial(units),
      settled: (group) => this.#outcomes.settled(group),
      resync: () => this.#resync(),
    });
    this.#results = new Results({
      pipeline: this.#pipeline,
      judge,
      refreshCatalog,
      record: (fields) => this.#record(fields),
    });
    this.#outbox = new Outbox(upstream.socket, nowUs);
    this.#frontend = new Frontend({
      judge,
      names,
      refreshCatalog,
      pipeline: this.#pipeline,
      outbox: this.#outbox,
      maskKey,
      decided: ({ decisionId: id, decision: { verdict } }) => {
        this.#decisions++;
        this.#last = { id, verdict, atUs: nowUs() };
      },
    });
    this.#backend = new BackendReader({
      message: (type, body) => this.#answer(type, body),
      passing: (type, head, bytes) => this.#passing(type, head, bytes),
    });
  }

  /** Takes both sockets over; the session lives until one of them ends. */
  start(): void {
    const { client, upstream, frames } = this.#options;
    client.on('data', (chunk) => {
      frames.push(chunk);
      void this.#work();
    });
    client.on('close', () => this.#end());
    client.on('drain', () => upstream.socket.resume());
    upstream.socket.on('data', (chunk) => this.#relay(chunk));
    upstream.socket.on('error', () => undefined);
    upstream.socket.on('close', () => this.#upstreamClosed());
    if (upstream.rest.length > 0) this.#relay(upstream.rest);
    upstream.socket.resume();
    void this.#work();
  }

  get state(): SessionState {
    const last = this.#last && {
      id: this.#last.id,
      verdict: this.#last.verdict,
      agoMs: Math.round((this.#options.nowUs() - this.#last.atUs) / 1_000),
    };
    return {
      inTransaction: this.#status !== 'I',
      waiting: this.#pipeline.length,
      decisions: this.#decisions,
      ...(last && { lastDecision: last }),
    };
  }

  /** Ends it as soon as nothing is open, for a restart; a deadline is the caller's. */
  drain(): void {
    this.#draining = true;
    const idle = this.#status === 'I' && this.#pipeline.length === 0 && !this.#working;
    if (idle) this.kill('57P01', 'terminating connection: Sealrail is shutting down');
  }

  kill(code: string, message: string): void {
    void this.#fail(new SessionEnd(code, message));
  }

  // ---------------------------------------------------------------- what the client sends

  /** One at a time: reads what has arrived, judges it in order, and sends it up when it is durable. */
  async #work(): Promise<void> {
    if (this.#working || this.#state !== 'open') return;
    this.#working = true;
    const { client, frames, nowUs } = this.#options;
    // No more is read while this is worked off: a fast client is held back instead of being buffered.
    client.pause();
    let turnUs = nowUs();
    try {
      while (this.#state === 'open') {
        const next = frames.next(clientFrameLimit);
        if (next) await this.#take(parseMessage(next), next.bytes);
        else if (this.#outbox.bytes === 0) break;
        if (!next || this.#outbox.bytes > BATCH_BYTES_MAX) await this.#flush();
        if (nowUs() - turnUs < TURN_US_MAX) continue;
        await new Promise((resolve) => setImmediate(resolve));
        turnUs = nowUs();
      }
    } catch (error) {
      await this.#fail(error);
    }
    this.#working = false;
    if (this.#state !== 'open') return;
    client.resume();
    if (this.#draining) this.drain();
  }

  async #take(message: ClientMessage, bytes: Buffer): Promise<void> {
    if (message.kind === 'terminate') this.#goodbye = true;
    if (this.#frontend.take(message, bytes)) return;
    this.#frontend.flush();
    await this.#flush();
    await this.#pipeline.shorterThan(0);
    await this.#frontend.refreshed();
    if (this.#state !== 'open') return;
    if (!this.#frontend.take(message, bytes)) {
      throw new Error('a message waits although everything before it is answered');
    }
  }

  #flush(): Promise<void> {
    return this.#outbox.flush(() => this.#state !== 'open');
  }

  /** The server discards everything up to a Sync that the client has sent and the gateway kept. */
  #resync(): void {
    if (this.#pipeline.sync()) this.#options.upstream.socket.write(frame('S'));
  }

  // ---------------------------------------------------------------- what the server answers

  #relay(chunk: Buffer): void {
    if (this.#state !== 'open') return;
    const { client, upstream } = this.#options;
    let parts: Buffer[];
    try {
      parts = this.#backend.push(chunk);
    } catch (error) {
      void this.#fail(error);
      return;
    }
    if (parts.length * PART_BYTES_MIN > chunk.length) parts = [Buffer.concat(parts)];
    client.cork();
    for (const part of parts) client.write(part);
    client.uncork();
    // The server is held back as long as the client does not take what it was sent.
    if (client.writableNeedDrain) upstream.socket.pause();
  }

  #answer(type: string, body: Buffer): Fate {
    switch (type) {
      case 'E':
        return this.#error(body);
      case 'N':
        return this.#results.hides() ? scrubbed('N', body) : 'pass';
      case 'C':
        return this.#results.complete(body.toString('latin1', 0, body.indexOf(0)));
      case 's':
        return this.#results.suspended();
      case 'c':
        return this.#results.copyDone();
      case 'T':
      case 'n':
        return this.#results.described(type, body);
      case '1':
      case '2':
      case '3': {
        const isOurs = this.#pipeline.head?.unfolded === true;
        this.#pipeline.answer(type, '');
        return isOurs ? 'drop' : 'pass';
      }
      case 'Z':
        this.#pipeline.answer('Z', body.toString('latin1', 0, 1));
        return 'pass';
      case 'S':
        this.#parameter(body.toString('utf8').split('\0'));
        return 'pass';
      case 'W':
        throw new ProtocolError('the server began a replication that nobody asked for');
      default:
        this.#pipeline.answer(type, '');
        return 'pass';
    }
  }

  #error(body: Buffer): Fate {
    const fields = readErrorFields(body);
    const code = fields.get('C') ?? '';
    const id = poisonedId(fields.get('M') ?? '');
    const denied = id === undefined ? undefined : this.#pipeline.denied(id);
    const [isHidden, isRefused] = [!denied && this.#results.hides(), this.#results.refused];
    this.#severity(fields.get('V'), code);
    this.#pipeline.answer('E', code);
    if (denied) {
      const error = errorResponse(denialFields(denied));
      const notice = denialNotice(denied);
      return notice ? Buffer.concat([notice, error]) : error;
    }
    // The client has its error for this message.
    if (isRefused) return 'drop';
    return isHidden ? scrubbed('E', body) : 'pass';
  }

  /** Rows, and what is too long to be held: of an error its code stands near the front. */
  #passing(type: string, head: Buffer, bytes: number): RowFate | Buffer {
    if (type === 'D') return this.#results.row(bytes);
    if (type === 'd') {
      return this.#results.copied(bytes);
    }
    if (type === 'N') return this.#results.hides() ? scrubbed('N', head) : 'pass';
    if (type === 'T') throw new ProtocolError(`the server described a result in ${bytes} bytes`);
    if (type === 'E') {
      const isHidden = this.#results.hides();
      const fields = readErrorFields(head);
      this.#severity(fields.get('V'), fields.get('C') ?? '');
      this.#pipeline.answer('E', fields.get('C') ?? '');
      return isHidden ? scrubbed('E', head) : 'pass';
    }
    this.#pipeline.answer(type, '');
    return 'pass';
  }

  #severity(severity: string | undefined, code: string): void {
    if (severity === 'FATAL' || severity === 'PANIC') this.#fatal = code;
  }

  /** With other settings the server would read other statements than those that were judged. */
  #parameter([name = '', value = '']: readonly string[]): void {
    const pinned = PINNED_SETTINGS.get(name);
    if (pinned === undefined || value === pinned) return;
    this.#record({
      kind: 'finding',
      rule: 'pinned-setting-changed',
      severity: 'critical',
      message: `${name} is no longer ${pinned}: the session was ended`,
      about: [],
    });
    throw new SessionEnd('58000', `${name} became ${value}: texts would be read in another way`);
  }

  #ready(status: string): void {
    this.#status = status;
    this.#frontend.ready(status);
    if (this.#draining && status === 'I') setImmediate(() => this.drain());
  }

  // ---------------------------------------------------------------- ends

  /** Not waited for: an answer depends on its decision. A log that does not take it ends the session. */
  #record(fields: EntryFields): void {
    const { recorder, about } = this.#options;
    this.#recorded(recorder.record(fields, about).durable);
  }

  #recorded(durable: Promise<unknown>): void {
    durable.catch((error: unknown) => {
      void this.#fail(new NotDurable('the log cannot record this', { cause: error }));
    });
  }

  #upstreamClosed(): void {
    if (this.#fatal !== undefined) this.#end(this.#fatal);
    // Over TLS the server is often the quicker to close.
    else if (this.#goodbye) this.#end();
    else this.kill('57P01', 'the database ended the connection');
  }

  async #fail(error: unknown): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    const { code, message } = await this.#explain(error);
    this.#options.client.write(errorResponse({ severity: 'FATAL', code, message }));
    this.#end(code);
  }

  async #explain(error: unknown): Promise<{ code: string; message: string }> {
    if (error instanceof SessionEnd || error instanceof ResultRefused) return error;
    if (error instanceof NotDurable) {
      const message = 'the log cannot record this, so nothing passes';
      return { code: '58000', message };
    }
    if (error instanceof ProtocolError) {
      // Nobody is answered before the entry is there; but answered in any case.
      this.#decisions++;
      const { durable } = this.#options.judge.reject('', error.message);
      await allDurable([durable], LOG_WAIT_MS_MAX).catch(() => undefined);
      return { code: '08P01', message: error.message };
    }
    const message = error instanceof Error ? error.message : String(error);
    return { code: '58000', message: `Sealrail failed, and so nothing passes: ${message}` };
  }

  /** `code` is that of the error that ended it; a client that says goodbye, or just goes, gives none. */
  #end(code?: string): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    const { client, upstream, target } = this.#options;
    this.#frontend.dropPortals(() => true);
    this.#outcomes.abandoned(this.#pipeline.abandon());
    closeSocket(client);
    upstream.socket.write(frame('X'));
    closeSocket(upstream.socket);
    this.#record({
      kind: 'session',
      event: 'end',
      target,
      client: {},
      result: 'ok',
      ...(code === undefined ? {} : { code }),
      counts: { decisions: this.#decisions, outcomes: this.#outcomes.count },
    });
    this.#close();
  }
}

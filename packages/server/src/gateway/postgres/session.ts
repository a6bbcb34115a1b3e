/**
 * One client's session: what it sends is judged in order, made durable, and forwarded; nothing goes up
 * before the decision on it is on disk. Answers come back as they are, but for denials.
 */
import type { Socket } from 'node:net';
import type { Decided, Recorder } from '@sealrail/sdk';
import { BackendReader, type Verdict } from './backend.ts';
import type { CatalogReader } from './catalog.ts';
import { denialFields, deniedId } from './denial.ts';
import {
  errorFields,
  errorResponse,
  type Frame,
  type FrameReader,
  frame,
  ProtocolError,
} from './frame.ts';
import { Frontend } from './frontend.ts';
import type { Judge } from './judge.ts';
import { parseMessage } from './messages.ts';
import { type OutcomeWriter, outcomeWriter } from './outcome.ts';
import { Pipeline, type Unit } from './pipeline.ts';
import { SessionEnd } from './session-end.ts';
import type { Upstream } from './upstream.ts';

/** Bytes of judged messages that wait for the disk together; past it they are flushed before more is read. */
const BATCH_BYTES_MAX = 4 << 20;

export interface SessionOptions {
  readonly id: string;
  readonly client: Socket;
  readonly upstream: Upstream;
  readonly frames: FrameReader;
  readonly judge: Judge;
  readonly catalog: CatalogReader;
  readonly recorder: Recorder;
  readonly about: Parameters<Recorder['record']>[1];
  readonly target: string;
  readonly newId: () => string;
  readonly nowUs: () => number;
}

export class Session {
  readonly id: string;
  readonly #options: SessionOptions;
  readonly #judge: Judge;
  readonly #pipeline: Pipeline;
  readonly #outcomes: OutcomeWriter;
  readonly #frontend: Frontend;
  readonly #backend: BackendReader;
  #batch: Buffer[] = [];
  #batchBytes = 0;
  #waits: Promise<unknown>[] = [];
  #working = false;
  #ended = false;
  #decisions = 0;
  #status = 'I';
  #draining = false;
  readonly closed: Promise<void>;
  #close: () => void = () => undefined;

  constructor(options: SessionOptions) {
    this.id = options.id;
    this.#options = options;
    this.#judge = options.judge;
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
    this.#outcomes = outcomeWriter({
      newId: options.newId,
      nowUs: options.nowUs,
      write: (outcome) => {
        // Not waited for: an answer depends on its decision. A log that has failed ends the session elsewhere.
        options.recorder
          .record({ kind: 'outcome', ...outcome }, options.about)
          .durable.catch(() => this.#fail());
      },
    });
    this.#pipeline = new Pipeline({ settled: (units, status) => this.#settled(units, status) });
    this.#frontend = new Frontend({
      judge: this.#judge,
      pipeline: this.#pipeline,
      send: (bytes) => this.#send(bytes),
      await: (decided) => this.#await(decided),
      namesChanged: () => {
        this.#refreshing = options.catalog.refresh();
      },
      nowUs: options.nowUs,
    });
    this.#backend = new BackendReader({
      message: (type, body) => this.#answer(type, body),
      data: (bytes) => this.#pipeline.data(bytes),
    });
  }

  /** Takes both sockets over; resolves nothing: the session lives until one of them ends. */
  start(): void {
    const { client, upstream } = this.#options;
    client.on('data', (chunk) => {
      this.#options.frames.push(chunk);
      void this.#work();
    });
    client.on('error', () => this.#end());
    client.on('close', () => this.#end());
    client.on('drain', () => upstream.socket.resume());
    upstream.socket.on('data', (chunk) => this.#relay(chunk));
    upstream.socket.on('error', () => this.#end());
    upstream.socket.on('close', () => this.#end());
    upstream.socket.on('drain', () => client.resume());
    client.resume();
    upstream.socket.resume();
    void this.#work();
  }

  /** Ends it as soon as nothing is open, for a restart; a deadline is the caller's. */
  drain(): void {
    this.#draining = true;
    if (this.#status === 'I' && this.#pipeline.length === 0 && !this.#working)
      this.kill('57P01', 'terminating connection: Sealrail is shutting down');
  }

  kill(code: string, message: string): void {
    if (this.#ended) return;
    this.#options.client.write(errorResponse({ severity: 'FATAL', code, message }));
    this.#end();
  }

  /** One at a time: reads what has arrived, judges it in order, and sends it up when it is durable. */
  async #work(): Promise<void> {
    if (this.#working || this.#ended) return;
    this.#working = true;
    // No more is read while this is worked off: a fast client is held back instead of being buffered.
    this.#options.client.pause();
    try {
      while (!this.#ended) {
        const next = this.#options.frames.next();
        if (next) await this.#take(next);
        else if (this.#batch.length === 0) break;
        if (!next || this.#batchBytes > BATCH_BYTES_MAX) await this.#flush();
      }
    } catch (error) {
      this.#failWith(error);
    }
    this.#working = false;
    if (!this.#ended && !this.#options.upstream.socket.writableNeedDrain)
      this.#options.client.resume();
  }

  async #take(next: Frame): Promise<void> {
    const message = parseMessage(next);
    if (
      (this.#pipeline.copyPending || this.#pipeline.copyIn) &&
      !['copy-data', 'copy-done', 'copy-fail', 'flush', 'sync', 'terminate'].includes(message.kind)
    ) {
      throw new ProtocolError('a message inside COPY FROM STDIN that is none of its own');
    }
    if (['query', 'parse', 'bind', 'execute'].includes(message.kind)) await this.#namesSettled();
    this.#frontend.take(message, next.bytes);
  }

  /** What went up may change what names mean: the next text is judged when that is known. */
  async #namesSettled(): Promise<void> {
    if (this.#frontend.raising) {
      // Without a Sync of its client the server would keep the answer to itself.
      this.#send(frame('H'));
      await this.#flush();
      await this.#pipeline.idle();
    }
    await this.#refreshing;
  }
  #refreshing: Promise<void> = Promise.resolve();

  #send(bytes: Buffer): void {
    this.#batch.push(bytes);
    this.#batchBytes += bytes.length;
  }

  #await(decided: Decided): void {
    this.#decisions++;
    this.#waits.push(decided.durable);
    // Awaited in #flush; until then a rejection must not count as unhandled.
    decided.durable.catch(() => undefined);
  }

  /** The one place where bytes go up: behind everything that they depend on. */
  async #flush(): Promise<void> {
    const [bytes, waits] = [this.#batch, this.#waits];
    if (bytes.length === 0) return;
    this.#batch = [];
    this.#batchBytes = 0;
    this.#waits = [];
    try {
      await Promise.all(waits);
    } catch (cause) {
      throw new SessionEnd(
        'the log cannot record this; nothing of it was executed',
        '58000',
        cause instanceof Error ? cause.message : undefined,
      );
    }
    if (this.#ended) return;
    const socket = this.#options.upstream.socket;
    socket.write(bytes.length === 1 ? (bytes[0] as Buffer) : Buffer.concat(bytes));
    if (socket.writableNeedDrain)
      await new Promise<void>((resolve) => socket.once('drain', resolve).once('close', resolve));
  }

  // ------------------------------------------------------------------ answers

  #relay(chunk: Buffer): void {
    const { client, upstream } = this.#options;
    try {
      for (const part of this.#backend.push(chunk)) client.write(part);
    } catch (error) {
      this.#failWith(error);
      return;
    }
    // The server is held back as long as the client does not take what it was sent.
    if (client.writableNeedDrain) upstream.socket.pause();
  }

  #answer(type: string, body: Buffer): Verdict {
    switch (type) {
      case 'E': {
        const fields = errorFields(body);
        const rewritten = this.#rewritten(fields.get('M') ?? '');
        this.#pipeline.answer('E', fields.get('C') ?? '');
        return rewritten ?? 'pass';
      }
      case 'C':
        this.#pipeline.answer('C', body.toString('latin1').replace(/\0.*$/s, ''));
        return 'pass';
      case 'Z': {
        const status = String.fromCharCode(body[0] ?? 0);
        this.#pipeline.answer('Z', status);
        return 'pass';
      }
      case 'S':
        this.#parameter(body.toString('utf8').split('\0'));
        return 'pass';
      case 'W':
        throw new ProtocolError('replication is not supported');
      default:
        this.#pipeline.answer(type, '');
        return 'pass';
    }
  }

  #rewritten(message: string): Buffer | undefined {
    const id = deniedId(message);
    const denied = id === undefined ? undefined : this.#pipeline.denied(id);
    return denied?.denial && errorResponse(denialFields(denied.denial, denied.reading));
  }

  /** With other settings the server would read other statements than those that were judged. */
  #parameter([name, value]: readonly string[]): void {
    const pinned =
      name === 'standard_conforming_strings'
        ? 'on'
        : name === 'client_encoding'
          ? 'UTF8'
          : undefined;
    if (pinned !== undefined && value !== pinned) {
      throw new SessionEnd(
        `${name} became ${value}: what is sent would no longer be what was judged`,
        '58000',
      );
    }
  }

  #settled(units: readonly Unit[], status: string): void {
    this.#status = status;
    this.#frontend.raising = false;
    this.#judge.inTransaction = status !== 'I';
    // What a transaction defined is seen by others, and so by the catalog's own connection, from here on.
    if (status === 'I' && this.#judge.definesNames) {
      this.#judge.definesNames = false;
      this.#refreshing = this.#options.catalog.refresh();
    }
    this.#outcomes.settled(units, status);
    if (this.#draining && status === 'I') setImmediate(() => this.drain());
  }

  // ------------------------------------------------------------------ ends

  #failWith(error: unknown): void {
    if (this.#ended) return;
    if (error instanceof ProtocolError) {
      this.#decisions++;
      // The entry comes first, and the client is told in any case.
      this.#judge.reject('', error.message).durable.catch(() => undefined);
      this.kill('08P01', error.message);
    } else if (error instanceof SessionEnd) {
      this.#options.client.write(
        errorResponse({
          severity: 'FATAL',
          code: error.code,
          message: error.message,
          ...(error.hint ? { hint: error.hint } : {}),
        }),
      );
      this.#end();
    } else {
      const message = error instanceof Error ? error.message : String(error);
      this.kill('58000', `Sealrail failed, and nothing passes when it does: ${message}`);
    }
  }

  #fail(): void {
    this.#failWith(new SessionEnd('the log cannot record what happens', '58000'));
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const { client, upstream, recorder, about, target } = this.#options;
    this.#outcomes.abandoned(this.#pipeline.abandon());
    client.end();
    client.destroySoon();
    upstream.socket.end(frame('X'));
    upstream.socket.destroySoon();
    recorder
      .record(
        {
          kind: 'session',
          event: 'end',
          target,
          client: {},
          result: 'ok',
          counts: { decisions: this.#decisions, outcomes: this.#outcomes.count },
        },
        about,
      )
      .durable.catch(() => undefined);
    this.#close();
  }
}

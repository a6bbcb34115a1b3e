/**
 * What has gone up and is not answered yet, in order; and what the answers mean. PostgreSQL answers in
 * order, and after an error of the extended protocol not at all until the next Sync.
 */
import type { SqlReading } from '@sealrail/facts';
import type { Denial } from '@sealrail/sdk';
import { rowsOf, type Unit } from './unit.ts';

/** A denial that is on its way to the client, as the error of what stands in its place upstream. */
export interface Denied {
  readonly denial: Denial;
  readonly reading: SqlReading | undefined;
  /** SQLSTATE, where it is not the usual one. */
  readonly code?: string;
}

export interface Outstanding {
  readonly kind: 'query' | 'parse' | 'bind' | 'describe' | 'execute' | 'close' | 'sync';
  readonly unit?: Unit;
  readonly denied?: Denied;
  /** The server has done it. Of a query only its tags tell how far it came. */
  readonly done?: () => void;
  /** One statement of it completed. */
  readonly tag?: (tag: string) => void;
  /** It ended, done or not: whatever was not done by now will not be. */
  readonly over?: () => void;
  /** Ours: the answer is for us, and the client never hears of it. Undefined for NoData. */
  readonly described?: (rowDescription: Buffer | undefined) => void;
  /** A Query that went up as messages of the extended protocol, so that it ends after so many rows. */
  readonly unfolded?: boolean;
  /** How many COPY FROM STDIN it holds. */
  readonly copyIns?: number;
}

/** Everything between two ReadyForQuery messages. */
export interface Group {
  /** Units that ended in it, in order. */
  readonly units: readonly Unit[];
  /** Transaction status after it: I, T or E. */
  readonly status: string;
  /** SQLSTATE where the Sync itself failed: what came before it could not be committed. */
  readonly syncError: string | undefined;
}

/** Units that are kept for their group's end; of a longer pipeline they are told of before. */
export const GROUP_UNITS_MAX = 10_000;

export interface PipelineEvents {
  /** Units of a group that goes on. */
  partial(units: readonly Unit[]): void;
  /** ReadyForQuery came, and is not with the client yet; what ends with the transaction can be skipped now. */
  ready(status: string): void;
  /** Follows `ready`. */
  settled(group: Group): void;
  /** The server waits for a Sync that was kept from it. */
  resync(): void;
}

/** Data that a request takes from the client. The server reads nothing else until it has it. */
interface CopyIn {
  expected: number;
  /** CopyInResponses of the server. */
  opened: number;
  /** CopyDones and CopyFails of the client. */
  ended: number;
  /** Syncs that stayed here because the server would have ignored them. */
  withheld: number;
  /** Syncs that went up before the server had answered: it may have read them as part of the COPY. */
  readonly uncertain: Set<Outstanding>;
  /** The decision that stopped it, whose error is on its way. */
  stopped?: string;
}

const openCopy = (expected: number): CopyIn => ({
  expected,
  opened: 0,
  ended: 0,
  withheld: 0,
  uncertain: new Set(),
});

export class Pipeline {
  readonly #events: PipelineEvents;
  readonly #queue: Outstanding[] = [];
  readonly #denied = new Map<string, Denied>();
  /** Units that have ended since the last ReadyForQuery. */
  #units: Unit[] = [];
  #syncError: string | undefined;
  /** An error of the extended protocol was seen and no Sync is on its way. */
  #discarding = false;
  /** Of the requests in the queue; what the client sends belongs to the last of them. */
  readonly #copies = new Map<Outstanding, CopyIn>();
  #copying: { readonly request: Outstanding; readonly copy: CopyIn } | undefined;
  #waiting: { readonly lengthMax: number; readonly wake: () => void }[] = [];

  constructor(events: PipelineEvents) {
    this.#events = events;
  }

  /** What the next answer is about. */
  get head(): Outstanding | undefined {
    return this.#queue[0];
  }

  /** The server throws away whatever comes before the next Sync. */
  get discarding(): boolean {
    return this.#discarding;
  }

  get length(): number {
    return this.#queue.length;
  }

  /** The server reads nothing but COPY data now, or will as soon as it has answered. */
  get copying(): boolean {
    const copy = this.#copying?.copy;
    return copy !== undefined && copy.ended < copy.expected;
  }

  /** The decision that an error's text names, while its request is outstanding. */
  denied(decisionId: string): Denied | undefined {
    return this.#denied.get(decisionId);
  }

  /** Resolves when at most this many are outstanding. */
  shorterThan(lengthMax: number): Promise<void> {
    if (this.#queue.length <= lengthMax) return Promise.resolve();
    return new Promise((wake) => this.#waiting.push({ lengthMax, wake }));
  }

  // ---------------------------------------------------------------- what goes up

  push(request: Outstanding): void {
    if (this.#discarding) {
      // The server throws it away unread, a Query too.
      if (request.unit) this.#finish(request.unit, 'skipped');
      request.over?.();
      return;
    }
    if (request.denied) this.#denied.set(request.denied.denial.decisionId, request.denied);
    this.#queue.push(request);
    if (request.copyIns) this.#beginCopy(request, request.copyIns);
  }

  /** False where it must not go up: the server would ignore it. */
  sync(): boolean {
    const copy = this.copying ? this.#copying?.copy : undefined;
    if (copy && copy.opened > copy.ended) {
      copy.withheld++;
      return false;
    }
    this.#discarding = false;
    const sync: Outstanding = { kind: 'sync' };
    copy?.uncertain.add(sync);
    this.#queue.push(sync);
    return true;
  }

  /** Of COPY data; false outside a COPY, where the server would ignore it. */
  copyData(bytes: number): boolean {
    if (!this.copying) return false;
    const unit = this.#copying?.request.unit;
    if (unit) unit.bytes += bytes;
    return true;
  }

  copyEnd(): boolean {
    if (!this.copying || !this.#copying) return false;
    this.#copying.copy.ended++;
    return true;
  }

  /** The server is told to give it up, and answers with an error that names the decision. */
  stopCopy(denied: Denied): void {
    const copy = this.#copying?.copy;
    if (!copy) return;
    copy.ended = copy.expected;
    copy.stopped = denied.denial.decisionId;
    this.#denied.set(copy.stopped, denied);
  }

  // ---------------------------------------------------------------- what comes back

  /** Bytes of a result, as they pass. */
  data(bytes: number): void {
    const unit = this.#queue[0]?.unit;
    if (unit) unit.bytes += bytes;
  }

  /** A message of the server by its type; `detail` is a command tag, an SQLSTATE or a transaction status. */
  answer(type: string, detail: string): void {
    switch (type) {
      case '1':
        this.#answered('parse');
        break;
      case '2':
        this.#answered('bind');
        break;
      case '3':
        this.#answered('close');
        break;
      case 'T':
      case 'n':
        this.#answered('describe');
        break;
      case 'C':
      case 'I':
      case 's':
        this.#complete(detail);
        break;
      case 'E':
        this.#error(detail);
        break;
      case 'G':
        this.#copyStarted();
        break;
      case 'Z':
        this.#ready(detail);
        break;
    }
  }

  #answered(kind: Outstanding['kind']): void {
    const [head] = this.#queue;
    // A query describes its results and binds without being asked to.
    if (head?.kind !== kind) return;
    if (kind === 'bind' && head.unit) head.unit.bound = true;
    head.done?.();
    this.#end(head);
    this.#wake();
  }

  #complete(tag: string): void {
    const [head] = this.#queue;
    if (head?.unit) {
      head.unit.rows += rowsOf(tag);
      if (tag !== '') head.unit.tags.push(tag);
    }
    head?.tag?.(tag);
    if (head?.kind !== 'execute') return;
    if (head.unit) this.#finish(head.unit, 'executed');
    this.#answered('execute');
  }

  /** What a Query shows is not shown after all; the server knows nothing of it, and its ReadyForQuery follows. */
  refuse(code: string): void {
    const unit = this.#queue[0]?.unit;
    if (!unit) return;
    unit.code = code;
    this.#finish(unit, 'failed');
  }

  #error(code: string): void {
    const [head] = this.#queue;
    if (!head) return;
    const withheld = this.#copies.get(head)?.withheld ?? 0;
    this.#endCopy(head);
    if (head.unit) {
      head.unit.code = code;
      this.#finish(head.unit, 'failed');
    }
    // A query's ReadyForQuery follows; so does that of a Sync that could not commit.
    if (head.kind === 'sync') this.#syncError = code;
    if (head.kind === 'query' || head.kind === 'sync') return;
    this.#end(head);
    for (let next = this.#queue[0]; next && next.kind !== 'sync'; next = this.#queue[0]) {
      if (next.unit) this.#finish(next.unit, 'skipped');
      this.#end(next);
    }
    this.#discarding = this.#queue.length === 0;
    if (withheld > 0 && this.#discarding) this.#events.resync();
    this.#wake();
  }

  #copyStarted(): void {
    const [head] = this.#queue;
    if (!head) return;
    // One that no reading foretold, where nothing is enforced: it takes data all the same.
    const copy = this.#copies.get(head) ?? this.#beginCopy(head, 0);
    copy.opened++;
    copy.expected = Math.max(copy.expected, copy.opened);
    if (copy.uncertain.size === 0) return;
    const kept = this.#queue.filter((one) => !copy.uncertain.has(one));
    this.#queue.splice(0, this.#queue.length, ...kept);
    copy.uncertain.clear();
  }

  #ready(status: string): void {
    const [head] = this.#queue;
    if (head?.kind === 'query' || head?.kind === 'sync') {
      if (head.unit) this.#finish(head.unit, 'executed');
      head.done?.();
      this.#end(head);
    }
    this.#events.ready(status);
    const group = { units: this.#units, status, syncError: this.#syncError };
    this.#units = [];
    this.#syncError = undefined;
    this.#events.settled(group);
    this.#wake();
  }

  // ---------------------------------------------------------------- ends

  /** What was bound and will not be executed. */
  skip(unit: Unit): void {
    this.#finish(unit, 'skipped');
  }

  /** A unit ends once: that its Execute is discarded as well says nothing new about a failed Bind. */
  #finish(unit: Unit, status: Exclude<Unit['status'], 'pending'>): void {
    if (unit.status !== 'pending') return;
    unit.status = status;
    if (this.#units.length >= GROUP_UNITS_MAX) this.#events.partial(this.#units.splice(0));
    this.#units.push(unit);
  }

  /** Takes the head off the queue. */
  #end(head: Outstanding): void {
    this.#queue.shift();
    if (head.denied) this.#denied.delete(head.denied.denial.decisionId);
    this.#endCopy(head);
    head.over?.();
  }

  #beginCopy(request: Outstanding, expected: number): CopyIn {
    const copy = openCopy(expected);
    this.#copies.set(request, copy);
    this.#copying = { request, copy };
    return copy;
  }

  #endCopy(request: Outstanding): void {
    const stopped = this.#copies.get(request)?.stopped;
    if (stopped !== undefined) this.#denied.delete(stopped);
    this.#copies.delete(request);
    if (this.#copying?.request === request) this.#copying = undefined;
  }

  #wake(): void {
    const length = this.#queue.length;
    const woken = this.#waiting.filter(({ lengthMax }) => length <= lengthMax);
    if (woken.length === 0) return;
    this.#waiting = this.#waiting.filter(({ lengthMax }) => length > lengthMax);
    for (const { wake } of woken) wake();
  }

  /** The connection ended: every unit that has no outcome yet. */
  abandon(): Unit[] {
    const units = new Set([...this.#units, ...this.#queue.flatMap(({ unit }) => unit ?? [])]);
    this.#queue.length = 0;
    this.#units = [];
    this.#wake();
    return [...units];
  }
}

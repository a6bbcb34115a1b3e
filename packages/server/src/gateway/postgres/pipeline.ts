/**
 * What has gone up and is not answered yet, in order; and what its answers mean. PostgreSQL answers in
 * order, and after an error of the extended protocol not at all until the next Sync.
 */
import type { SqlReading } from '@sealrail/facts';
import type { Denial } from '@sealrail/sdk';

export type RequestKind = 'query' | 'parse' | 'bind' | 'describe' | 'execute' | 'close' | 'sync';

/** An allowed action that is on its way: becomes one outcome. */
export interface Unit {
  readonly decisionId: string;
  readonly startedUs: number;
  rows: number;
  bytes: number;
  status: 'pending' | 'executed' | 'failed' | 'skipped';
  code: string | undefined;
  tags: string[];
}

export interface Outstanding {
  readonly kind: RequestKind;
  readonly unit?: Unit;
  readonly reading?: SqlReading;
  /** What stands in its place fails, and its error becomes this. */
  readonly denial?: Denial;
  /** Runs when the server has said that it is done. */
  readonly done?: () => void;
  readonly copyIn?: boolean;
}

export interface PipelineEvents {
  /** A group of units has ended with this transaction status: I, T or E. */
  settled(units: readonly Unit[], status: string): void;
}

export class Pipeline {
  readonly #queue: Outstanding[] = [];
  readonly #events: PipelineEvents;
  /** Units answered since the last ReadyForQuery. */
  #group: Unit[] = [];
  readonly #denied = new Map<string, Outstanding>();
  /** An error of the extended protocol was seen and its Sync has not gone up yet. */
  #discarding = false;
  /** A COPY FROM went up and the server has not said whether it takes data. */
  copyPending = false;
  copyIn = false;
  #idle: (() => void)[] = [];

  constructor(events: PipelineEvents) {
    this.#events = events;
  }

  get length(): number {
    return this.#queue.length;
  }

  get head(): Outstanding | undefined {
    return this.#queue[0];
  }

  push(request: Outstanding): void {
    if (request.denial) this.#denied.set(request.denial.decisionId, request);
    if (this.#discarding && request.kind !== 'sync' && request.kind !== 'query') {
      this.#skip(request);
      return;
    }
    if (request.kind === 'sync') {
      // A Sync inside COPY data is swallowed by the server: it will not be answered.
      if (this.copyIn) return;
      this.#discarding = false;
    }
    if (request.copyIn) this.copyPending = true;
    this.#queue.push(request);
  }

  /** The request that an error's decision id belongs to. */
  denied(decisionId: string): Outstanding | undefined {
    return this.#denied.get(decisionId);
  }

  #skip(request: Outstanding): void {
    this.#forget(request);
    if (!request.unit) return;
    request.unit.status = 'skipped';
    this.#group.push(request.unit);
  }

  #forget({ denial }: Outstanding): void {
    if (denial) this.#denied.delete(denial.decisionId);
  }

  #shift(kind: RequestKind): void {
    const [head] = this.#queue;
    if (head?.kind !== kind) return;
    this.#queue.shift();
    head.done?.();
    this.#wake();
  }

  /** Rows and bytes of a result, as they pass. */
  data(bytes: number): void {
    const unit = this.#queue[0]?.unit;
    if (unit) unit.bytes += bytes;
  }

  /** A message of the server, by its type; `detail` is a command tag, an SQLSTATE or a transaction status. */
  answer(type: string, detail: string): void {
    switch (type) {
      case '1':
        this.#shift('parse');
        break;
      case '2':
        this.#shift('bind');
        break;
      case '3':
        this.#shift('close');
        break;
      case 'T':
      case 'n':
        this.#shift('describe');
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

  #complete(tag: string): void {
    this.copyIn = false;
    this.copyPending = false;
    const [head] = this.#queue;
    if (head?.unit) {
      const rows = /^(?:INSERT \d+|UPDATE|DELETE|SELECT|MERGE|COPY|FETCH|MOVE) (\d+)$/.exec(
        tag,
      )?.[1];
      head.unit.rows += Number(rows ?? 0);
      head.unit.tags.push(tag);
      head.unit.status = 'executed';
      if (head.kind === 'execute') this.#group.push(head.unit);
    }
    this.#shift('execute');
  }

  #error(code: string): void {
    this.copyIn = false;
    this.copyPending = false;
    const [head] = this.#queue;
    if (!head) return;
    if (head.unit) {
      head.unit.status = 'failed';
      head.unit.code = code;
    }
    if (head.kind === 'query') return;
    this.#queue.shift();
    this.#forget(head);
    if (head.unit) this.#group.push(head.unit);
    while (this.#queue.length > 0 && this.#queue[0]?.kind !== 'sync') {
      const skipped = this.#queue.shift();
      if (skipped) this.#skip(skipped);
    }
    if (this.#queue.length === 0) this.#discarding = true;
    this.#wake();
  }

  /** Syncs that went up before the server took to copying were swallowed with the data. */
  #copyStarted(): void {
    this.copyIn = true;
    this.copyPending = false;
    const [head, ...rest] = this.#queue;
    if (head?.kind !== 'execute') return;
    const kept = rest.filter(({ kind }) => kind !== 'sync');
    this.#queue.splice(1, rest.length, ...kept);
  }

  #ready(status: string): void {
    const [head] = this.#queue;
    if (head?.kind === 'query' && head.unit) this.#group.push(head.unit);
    if (head?.kind === 'query' || head?.kind === 'sync') {
      this.#queue.shift();
      this.#forget(head);
      if (head.unit?.status !== 'failed') head.done?.();
    }
    const units = this.#group;
    this.#group = [];
    this.#events.settled(units, status);
    this.#wake();
  }

  /** Resolves when everything that went up is answered or skipped. */
  idle(): Promise<void> {
    if (this.#queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #wake(): void {
    if (this.#queue.length === 0) for (const wake of this.#idle.splice(0)) wake();
  }

  /** Units that the connection's end leaves without an answer. */
  abandon(): Unit[] {
    const units = [...this.#group, ...this.#queue.flatMap(({ unit }) => (unit ? [unit] : []))];
    this.#queue.length = 0;
    this.#group = [];
    this.#wake();
    return units;
  }
}

/** What one principal did. Windows exist only while something is in them. Pure. */
import type { Reservation } from './decision.ts';
import type { HistorySnapshot } from './history.ts';
import type { HistoryEvent } from './history-event.ts';
import { Window } from './history-window.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Hosts that one principal is known to have called; where there are more, the oldest is forgotten. */
export const HOSTS_MAX = 1_000;

const COUNTERS = {
  denied1m: MINUTE_MS,
  calls1m: MINUTE_MS,
  calls1h: HOUR_MS,
  rows1h: HOUR_MS,
  bytesOut1h: HOUR_MS,
  failed5m: 5 * MINUTE_MS,
} as const;
type Counter = keyof typeof COUNTERS;

export class Tracked {
  /** The human that this principal acted for when it was first seen. */
  readonly root: string | undefined;
  readonly #counters = new Map<Counter, Window>();
  /** By policy and window: a rate whose window was changed counts anew. */
  readonly #rates = new Map<string, Window>();
  /** Label → until when. Labels stand in policies: there are no more than those name. */
  readonly #taints = new Map<string, number>();
  /** Host → when it was last called, the latest at the end. */
  readonly #hosts = new Map<string, number>();

  constructor(root: string | undefined) {
    this.root = root;
  }

  snapshot(nowMs: number): HistorySnapshot {
    const total = (name: Counter): number => this.#counters.get(name)?.total(nowMs) ?? 0;
    return {
      denied1m: total('denied1m'),
      calls1m: total('calls1m'),
      calls1h: total('calls1h'),
      rows1h: total('rows1h'),
      bytesOut1h: total('bytesOut1h'),
      failed5m: total('failed5m'),
      taints: this.#taintsAt(nowMs),
      hosts1h: this.#hostsAt(nowMs),
    };
  }

  rate(policy: string, windowMs: number): Window | undefined {
    return this.#rates.get(rateKey(policy, windowMs));
  }

  apply(event: HistoryEvent): void {
    const { atMs } = event;
    this.#advance(atMs);
    if (event.kind === 'outcome') {
      this.#count('rows1h', atMs, event.rows);
      this.#count('bytesOut1h', atMs, event.bytes);
      this.#count('failed5m', atMs, event.failed ? 1 : 0);
      return;
    }
    if (event.counts) {
      this.#count('calls1m', atMs, 1);
      this.#count('calls1h', atMs, 1);
      this.#count('denied1m', atMs, event.denied ? 1 : 0);
    }
    for (const host of event.hosts) this.#touch(host, atMs);
    for (const { label, ttlMs } of event.taints) this.#taint(label, atMs + ttlMs);
  }

  reserve({ policy, windowMs, cost }: Reservation, atMs: number): void {
    const key = rateKey(policy, windowMs);
    const window = this.#rates.get(key) ?? new Window(windowMs);
    window.add(atMs, cost);
    if (!window.isEmpty) this.#rates.set(key, window);
  }

  giveBack({ policy, windowMs, cost }: Reservation, atMs: number): void {
    this.rate(policy, windowMs)?.remove(atMs, cost);
  }

  /** True where it would answer everything as if nothing had ever happened. */
  isIdle(nowMs: number): boolean {
    this.#advance(nowMs);
    return (
      this.#counters.size + this.#rates.size === 0 &&
      this.#taintsAt(nowMs).length === 0 &&
      this.#hostsAt(nowMs) === 0
    );
  }

  #advance(nowMs: number): void {
    for (const windows of [this.#counters, this.#rates] as Map<string, Window>[]) {
      for (const [key, window] of windows) {
        window.advance(nowMs);
        if (window.isEmpty) windows.delete(key);
      }
    }
    for (const [label, untilMs] of this.#taints) if (untilMs <= nowMs) this.#taints.delete(label);
    for (const [host, lastMs] of this.#hosts) {
      if (lastMs + HOUR_MS > nowMs) break;
      this.#hosts.delete(host);
    }
  }

  #count(name: Counter, atMs: number, count: number): void {
    if (count === 0) return;
    const window = this.#counters.get(name) ?? new Window(COUNTERS[name]);
    window.add(atMs, count);
    this.#counters.set(name, window);
  }

  #taint(label: string, untilMs: number): void {
    this.#taints.set(label, Math.max(this.#taints.get(label) ?? 0, untilMs));
  }

  #touch(host: string, atMs: number): void {
    this.#hosts.delete(host);
    if (this.#hosts.size >= HOSTS_MAX) {
      const [oldest] = this.#hosts.keys();
      if (oldest !== undefined) this.#hosts.delete(oldest);
    }
    this.#hosts.set(host, atMs);
  }

  #taintsAt(nowMs: number): readonly string[] {
    if (this.#taints.size === 0) return [];
    const labels = [...this.#taints].filter(([, untilMs]) => untilMs > nowMs);
    return labels.map(([label]) => label).sort();
  }

  #hostsAt(nowMs: number): number {
    let over = 0;
    for (const lastMs of this.#hosts.values()) {
      if (lastMs + HOUR_MS > nowMs) break;
      over++;
    }
    return this.#hosts.size - over;
  }
}

const rateKey = (policy: string, windowMs: number): string => `${windowMs} ${policy}`;

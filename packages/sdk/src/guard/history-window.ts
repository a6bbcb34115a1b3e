/** A count over the time just past, in a bounded number of buckets. Pure: the clock is passed in. */

/** What was counted is forgotten up to a sixtieth of the window late, and never early. */
export const BUCKETS = 60;

interface Bucket {
  /** Number of the bucket since 1970. */
  readonly at: number;
  count: number;
}

export class Window {
  readonly windowMs: number;
  readonly #widthMs: number;
  /** Oldest first; at most BUCKETS + 1 after each `advance`. */
  #buckets: Bucket[] = [];
  #total = 0;

  constructor(windowMs: number) {
    this.windowMs = windowMs;
    this.#widthMs = Math.max(1, Math.ceil(windowMs / BUCKETS));
  }

  get isEmpty(): boolean {
    return this.#buckets.length === 0;
  }

  /** Everything counted within the window before `nowMs`, and at most a bucket more. */
  total(nowMs: number): number {
    let total = this.#total;
    for (const bucket of this.#buckets) {
      if (this.#endMs(bucket) > nowMs) break;
      total -= bucket.count;
    }
    return total;
  }

  /** How long until at most `most` are left. */
  waitMs(nowMs: number, most: number): number {
    let total = this.#total;
    for (const bucket of this.#buckets) {
      if (total <= most) return 0;
      total -= bucket.count;
      if (total <= most) return Math.max(0, this.#endMs(bucket) - nowMs);
    }
    return 0;
  }

  /**
   * Forgets what is over. A clock that was set back would keep what lies in its future for as long as that
   * takes to come: it is counted as of now instead.
   */
  advance(nowMs: number): void {
    let over = 0;
    for (const bucket of this.#buckets) {
      if (this.#endMs(bucket) > nowMs) break;
      this.#total -= bucket.count;
      over++;
    }
    if (over > 0) this.#buckets.splice(0, over);
    const now = Math.floor(nowMs / this.#widthMs);
    for (let last = this.#buckets.at(-1); last && last.at > now; last = this.#buckets.at(-1)) {
      this.#buckets.pop();
      this.#total -= last.count;
      this.add(nowMs, last.count);
    }
  }

  add(nowMs: number, count: number): void {
    if (count <= 0) return;
    const at = Math.floor(nowMs / this.#widthMs);
    this.#total += count;
    const last = this.#buckets.at(-1);
    if (last === undefined || last.at < at) this.#buckets.push({ at, count });
    // An entry a little older than the newest: counted for a moment longer than it has to be.
    else last.count += count;
  }

  /** Takes back what was counted at that time, as far as it is still there. */
  remove(atMs: number, count: number): void {
    const at = Math.floor(atMs / this.#widthMs);
    const bucket = this.#buckets.find((one) => one.at === at);
    if (bucket === undefined) return;
    const taken = Math.min(bucket.count, count);
    bucket.count -= taken;
    this.#total -= taken;
    if (bucket.count === 0) this.#buckets.splice(this.#buckets.indexOf(bucket), 1);
  }

  /** When what was counted in it is over: as if all of it had been at its end. */
  #endMs({ at }: Bucket): number {
    return (at + 1) * this.#widthMs + this.windowMs;
  }
}

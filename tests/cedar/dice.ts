/** Seeded choices, so that whatever they find comes again. */
import { type Random, randomOf } from '../facts/generate.ts';

export class Dice {
  readonly below: Random;

  constructor(seed: number) {
    this.below = randomOf(seed);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new Error('nothing to pick from');
    return items[this.below(items.length)] as T;
  }

  /** Up to `most` picks, in the order of the items, each at most once. */
  some<T>(items: readonly T[], most: number): T[] {
    const share = this.below(most + 1) / items.length;
    return items.filter(() => this.below(1_000) < share * 1_000);
  }

  times<T>(low: number, high: number, make: (at: number) => T): T[] {
    return Array.from({ length: this.between(low, high) }, (_, at) => make(at));
  }
}

import type { Long } from '../value.ts';
import { ExtensionValue } from './extension.ts';
import { divideLong, longFromBigint } from './i64.ts';

const FORM = /^(-?)(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?$/;
const UNITS_MS = [86_400_000n, 3_600_000n, 60_000n, 1_000n, 1n] as const;
/** Digits of 2^63: more, leading zeros aside, is an overflow. */
const DIGITS_MAX = 19;

export class Duration extends ExtensionValue {
  readonly kind = 'duration';
  readonly ms: Long;

  constructor(ms: Long) {
    super();
    this.ms = ms;
  }

  get key(): string {
    return String(this.ms);
  }

  /** Toward zero, one unit after the other. */
  to(unit: 'seconds' | 'minutes' | 'hours' | 'days'): Long {
    const divisors = { seconds: 1_000, minutes: 60_000, hours: 3_600_000, days: 86_400_000 };
    return divideLong(this.ms, divisors[unit]);
  }

  override toString(): string {
    return `${this.ms}ms`;
  }
}

/**
 * Days, hours, minutes, seconds, milliseconds in this order, each at most once, at least one; undefined
 * where malformed or where the sum, taken from the smallest unit on, leaves i64.
 */
export function parseDuration(text: string): Duration | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [, sign, ...quantities] = match;
  if (quantities.every((digits) => digits === undefined)) return undefined;
  let total = 0n;
  for (let unit = UNITS_MS.length - 1; unit >= 0; unit--) {
    const digits = quantities[unit]?.replace(/^0+/, '') ?? '';
    if (digits.length > DIGITS_MAX) return undefined;
    const ms = BigInt(digits) * UNITS_MS[unit]!;
    total = sign === '-' ? total - ms : total + ms;
  }
  const ms = longFromBigint(total);
  return ms === undefined ? undefined : new Duration(ms);
}

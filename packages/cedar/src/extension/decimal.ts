import type { Long } from '../value.ts';
import { ExtensionValue } from './extension.ts';
import { longFromBigint } from './i64.ts';

const DIGITS = 4;
const FORM = /^(-?)([0-9]+)\.([0-9]+)$/;

/** A fixed-point number with four places in 64 bits. */
export class Decimal extends ExtensionValue {
  readonly kind = 'decimal';
  /** In ten-thousandths. */
  readonly units: Long;

  constructor(units: Long) {
    super();
    this.units = units;
  }

  get key(): string {
    return String(this.units);
  }

  override toString(): string {
    const units = BigInt(this.units);
    const digits = (units < 0n ? -units : units).toString().padStart(DIGITS + 1, '0');
    return `${units < 0n ? '-' : ''}${digits.slice(0, -DIGITS)}.${digits.slice(-DIGITS)}`;
  }
}

/** Text of one to four places; undefined where it is malformed or outside of ±922337203685477.5807(8). */
export function parseDecimal(text: string): Decimal | undefined {
  const [, sign, whole = '', places = ''] = FORM.exec(text) ?? [];
  if (sign === undefined || places.length > DIGITS) return undefined;
  // The leading zeros are unbounded in Cedar; a bound on the rest keeps the conversion cheap.
  const significant = whole.replace(/^0+/, '');
  if (significant.length > 15) return undefined;
  const digits = BigInt(significant + places.padEnd(DIGITS, '0'));
  const units = longFromBigint(sign === '-' ? -digits : digits);
  return units === undefined ? undefined : new Decimal(units);
}

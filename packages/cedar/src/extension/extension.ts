import type { Datetime } from './datetime.ts';
import type { Decimal } from './decimal.ts';
import type { Duration } from './duration.ts';
import type { IpAddress } from './ip.ts';

/**
 * Values of Cedar's extension types; each class parses its own text and compares itself. The constructors
 * take what is already canonical: text and JSON come in through `parse…`.
 */
export type Extension = Decimal | IpAddress | Datetime | Duration;

/** What all of them derive from, so that one test tells them from a record. */
export abstract class ExtensionValue {
  abstract readonly kind: 'decimal' | 'ip' | 'datetime' | 'duration';
  /** Unique among all values of this kind; two values of one kind are equal when their keys are. */
  abstract readonly key: string;
}

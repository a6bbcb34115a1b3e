import type { Long } from '../value.ts';
import { Duration } from './duration.ts';
import { ExtensionValue } from './extension.ts';
import { addLongs, moduloLong, subtractLongs } from './i64.ts';

const DAY_MS = 86_400_000;
const FORM =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{3}))?(?:Z|([+-])([0-9]{2})([0-9]{2})))?$/;

/** An instant, in milliseconds since 1970 without leap seconds; any i64, so far outside of what text can say. */
export class Datetime extends ExtensionValue {
  readonly kind = 'datetime';
  readonly ms: Long;

  constructor(ms: Long) {
    super();
    this.ms = ms;
  }

  get key(): string {
    return String(this.ms);
  }

  /** Undefined where the sum leaves i64. */
  offset(duration: Duration): Datetime | undefined {
    const ms = addLongs(this.ms, duration.ms);
    return ms === undefined ? undefined : new Datetime(ms);
  }

  durationSince(other: Datetime): Duration | undefined {
    const ms = subtractLongs(this.ms, other.ms);
    return ms === undefined ? undefined : new Duration(ms);
  }

  /** Midnight before or at this instant; undefined where that leaves i64. */
  toDate(): Datetime | undefined {
    const ms = subtractLongs(this.ms, moduloLong(this.ms, DAY_MS));
    return ms === undefined ? undefined : new Datetime(ms);
  }

  toTime(): Duration {
    return new Duration(moduloLong(this.ms, DAY_MS));
  }
}

/**
 * `YYYY-MM-DD`, or that with `Thh:mm:ss`, optional `.SSS`, and `Z` or an offset `±hhmm` below 24 hours.
 * Undefined where malformed, where the day does not exist, or for a leap second.
 */
export function parseDatetime(text: string): Datetime | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const field = (index: number): number => Number(match[index] ?? 0);
  const days = daysSinceEpoch(field(1), field(2), field(3));
  if (days === undefined || field(4) > 23 || field(5) > 59 || field(6) > 59) return undefined;
  if (field(9) > 23 || field(10) > 59) return undefined;
  const offset = (field(9) * 60 + field(10)) * (match[8] === '-' ? -60_000 : 60_000);
  const time = ((field(4) * 60 + field(5)) * 60 + field(6)) * 1000 + field(7);
  return new Datetime(days * DAY_MS + time - offset);
}

/** Of the proleptic Gregorian calendar, which has a year 0. */
function daysSinceEpoch(year: number, month: number, day: number): number | undefined {
  const date = new Date(0);
  // Date.UTC reads years below 100 as those of the last century; the setter does not.
  date.setUTCFullYear(year, month - 1, day);
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return exists ? date.getTime() / DAY_MS : undefined;
}

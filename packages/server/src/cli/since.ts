/** `--since`: how far back a command looks. */
import { usage } from './io.ts';

const UNITS: Readonly<Record<string, number>> = { m: 60, h: 3_600, d: 86_400, w: 604_800 };

/**
 * RFC 3339 with microseconds, as entries have their time: from `30d`, `12h`, a date or a time in UTC.
 * Undefined where nothing was asked for: then all of the log is meant.
 */
export function sinceOf(text: string | undefined, nowMs: number): string | undefined {
  if (text === undefined) return undefined;
  const [, count, unit = ''] = /^([1-9]\d{0,5})([mhdw])$/.exec(text) ?? [];
  const seconds = UNITS[unit];
  const atMs =
    count !== undefined && seconds !== undefined
      ? nowMs - Number(count) * seconds * 1_000
      : /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,6})?)?Z)?$/.test(text)
        ? Date.parse(text)
        : Number.NaN;
  if (Number.isNaN(atMs))
    throw usage(
      `--since ${JSON.stringify(text)} is no time`,
      '--since 30d, 12h, 2026-01-31 or 2026-01-31T12:00:00Z',
    );
  return new Date(atMs).toISOString().replace(/(\.\d{3})Z$/, '$1000Z');
}

/** The functions and methods of the extension types: what they take, and what they do with it. */
import type { CallName, ExtensionName } from '../ast.ts';
import type { Value } from '../value.ts';
import { type Datetime, parseDatetime } from './datetime.ts';
import { type Decimal, parseDecimal } from './decimal.ts';
import { type Duration, parseDuration } from './duration.ts';
import type { Extension } from './extension.ts';
import { type IpAddress, parseIp } from './ip.ts';

/** A receiver is the first parameter. */
export interface ExtensionFunction {
  readonly parameters: readonly Parameter[];
  /** Of arguments that are of the types; undefined where there is no result. */
  readonly apply: (first: never, second: never) => Value | undefined;
  /** Why there may be none. */
  readonly failure?: string;
}

type Parameter = 'string' | Extension['kind'];

/** The function of that name, with which a caller checks number and types of the arguments. */
export function extensionFunction(name: string): ExtensionFunction | undefined {
  return functions.get(name);
}

export function isExtensionName(name: CallName): name is ExtensionName {
  return functions.has(name);
}

const unary = <T>(
  parameter: Parameter,
  apply: (value: T) => Value | undefined,
  failure?: string,
): ExtensionFunction => ({ parameters: [parameter], apply, ...(failure && { failure }) });

const binary = <T, U>(
  parameters: readonly [Parameter, Parameter],
  apply: (first: T, second: U) => Value | undefined,
  failure?: string,
): ExtensionFunction => ({ parameters, apply, ...(failure && { failure }) });

const decimals = (compare: (left: Decimal, right: Decimal) => boolean): ExtensionFunction =>
  binary(['decimal', 'decimal'], compare);

const OVERFLOW = 'the result does not fit into 64 bits';

const table: Readonly<Record<ExtensionName, ExtensionFunction>> = {
  ip: unary('string', parseIp, 'the text is no IP address or range'),
  isIpv4: unary('ip', (ip: IpAddress) => ip.version === 4),
  isIpv6: unary('ip', (ip: IpAddress) => ip.version === 6),
  isLoopback: unary('ip', (ip: IpAddress) => ip.isLoopback()),
  isMulticast: unary('ip', (ip: IpAddress) => ip.isMulticast()),
  isInRange: binary(['ip', 'ip'], (ip: IpAddress, range: IpAddress) => ip.isInRange(range)),

  decimal: unary('string', parseDecimal, 'the text is no decimal of up to four places in 64 bits'),
  lessThan: decimals((left, right) => left.units < right.units),
  lessThanOrEqual: decimals((left, right) => left.units <= right.units),
  greaterThan: decimals((left, right) => left.units > right.units),
  greaterThanOrEqual: decimals((left, right) => left.units >= right.units),

  datetime: unary('string', parseDatetime, 'the text is no date or time'),
  offset: binary(
    ['datetime', 'duration'],
    (instant: Datetime, duration: Duration) => instant.offset(duration),
    OVERFLOW,
  ),
  durationSince: binary(
    ['datetime', 'datetime'],
    (instant: Datetime, other: Datetime) => instant.durationSince(other),
    OVERFLOW,
  ),
  toDate: unary('datetime', (instant: Datetime) => instant.toDate(), OVERFLOW),
  toTime: unary('datetime', (instant: Datetime) => instant.toTime()),

  duration: unary('string', parseDuration, 'the text is no duration in 64 bits of milliseconds'),
  toMilliseconds: unary('duration', (duration: Duration) => duration.ms),
  toSeconds: unary('duration', (duration: Duration) => duration.to('seconds')),
  toMinutes: unary('duration', (duration: Duration) => duration.to('minutes')),
  toHours: unary('duration', (duration: Duration) => duration.to('hours')),
  toDays: unary('duration', (duration: Duration) => duration.to('days')),

  unknown: unary('string', () => undefined, 'an unknown has no value'),
};

// A Map, so that names like `constructor` are none of its own.
const functions: ReadonlyMap<string, ExtensionFunction> = new Map(Object.entries(table));

/** The words of the language: what is reserved, what can be called and how. */
import type { CallName, Variable } from '../ast.ts';

/** Cannot be a variable, a type or an attribute after a dot; an annotation may be called so. */
const RESERVED: ReadonlySet<string> = new Set([
  'if',
  'true',
  'false',
  'then',
  'else',
  'in',
  'is',
  'has',
  'like',
]);
/** Cedar keeps this name, wherever it stands in a path, for itself. */
const CEDAR_NAMESPACE = '__cedar';

export const isReserved = (name: string): boolean => RESERVED.has(name);
export const isForbiddenName = (name: string): boolean =>
  RESERVED.has(name) || name === CEDAR_NAMESPACE;

/** Whether text is one identifier that may stand after a dot. */
export const isAttributeName = (text: string): boolean =>
  /^[A-Za-z_][A-Za-z0-9_]*$/.test(text) && !isForbiddenName(text);

/** Whether text is a type's name: identifiers with `::` between them, without blanks. */
export const isTypeName = (text: string): boolean => text.split('::').every(isAttributeName);

export const isAnnotationName = (text: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);

export const VARIABLES: ReadonlySet<string> = new Set<Variable>([
  'principal',
  'action',
  'resource',
  'context',
]);
export const isVariable = (name: string): name is Variable => VARIABLES.has(name);

interface Call {
  readonly name: CallName;
  readonly style: 'function' | 'method';
  /**
   * Arguments besides the receiver, where Cedar counts them when parsing. Those of extension types it
   * counts when the call is evaluated, so that a wrong number of them is an error of the request.
   */
  readonly arity?: number;
}

const CALLS: ReadonlyMap<string, Call> = new Map(
  (
    [
      { name: 'contains', style: 'method', arity: 1 },
      { name: 'containsAll', style: 'method', arity: 1 },
      { name: 'containsAny', style: 'method', arity: 1 },
      { name: 'isEmpty', style: 'method', arity: 0 },
      { name: 'getTag', style: 'method', arity: 1 },
      { name: 'hasTag', style: 'method', arity: 1 },
      { name: 'ip', style: 'function' },
      { name: 'isIpv4', style: 'method' },
      { name: 'isIpv6', style: 'method' },
      { name: 'isLoopback', style: 'method' },
      { name: 'isMulticast', style: 'method' },
      { name: 'isInRange', style: 'method' },
      { name: 'decimal', style: 'function' },
      { name: 'lessThan', style: 'method' },
      { name: 'lessThanOrEqual', style: 'method' },
      { name: 'greaterThan', style: 'method' },
      { name: 'greaterThanOrEqual', style: 'method' },
      { name: 'datetime', style: 'function' },
      { name: 'duration', style: 'function' },
      { name: 'offset', style: 'method' },
      { name: 'durationSince', style: 'method' },
      { name: 'toDate', style: 'method' },
      { name: 'toTime', style: 'method' },
      { name: 'toMilliseconds', style: 'method' },
      { name: 'toSeconds', style: 'method' },
      { name: 'toMinutes', style: 'method' },
      { name: 'toHours', style: 'method' },
      { name: 'toDays', style: 'method' },
      { name: 'unknown', style: 'function' },
    ] satisfies readonly Call[]
  ).map((call) => [call.name, call]),
);

export const findCall = (name: string): Call | undefined => CALLS.get(name);
export const callNames = (style: Call['style']): readonly string[] =>
  [...CALLS.values()].filter((call) => call.style === style).map(({ name }) => name);

/** Trees of every shape that Cedar's grammar has, and equality that does not look at places in a text. */
import type { Condition, Expr, Policy } from '@sealrail/cedar';
import { EntityUid } from '@sealrail/cedar';
import fc from 'fast-check';

const words = [
  ...['a', 'b', '_', 'x1', 'principal', 'when', 'permit', 'ip', 'contains', 'constructor'],
  ...['__proto__', 'User', 'Action', 'then_', 'hasOwnProperty', 'toString'],
];
const identifier = fc.constantFrom(...words);
/** Attributes and record keys, which may be any string. */
const name = fc.oneof(
  { weight: 3, arbitrary: identifier },
  fc.constantFrom('if', 'in', '__cedar', '', 'a b', 'a.b', '"', '\0', '*', '0'),
);
const text = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    '*',
    '\\',
    '"',
    "'",
    '\0',
    '\n\r\t',
    '\u2028',
    '\u202e',
    '\x7f',
    '😀',
    'é',
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
const typeName = fc
  .array(identifier, { minLength: 1, maxLength: 3 })
  .map((path) => path.join('::'));
const entity = fc.tuple(typeName, text).map(([type, id]) => new EntityUid(type, id));

const I64_MAX = 9223372036854775807n;
const long = fc
  .oneof(
    fc.bigInt({ min: -3n, max: 3n }),
    fc.bigInt({ min: -I64_MAX - 1n, max: I64_MAX }),
    fc.constantFrom(
      I64_MAX,
      -I64_MAX - 1n,
      9007199254740991n,
      9007199254740992n,
      -9007199254740993n,
    ),
  )
  .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value));

const at = 0;
const literal = fc
  .oneof(fc.boolean(), text, long, entity)
  .map((value): Expr => ({ kind: 'literal', at, value }));
const variable = fc
  .constantFrom('principal', 'action', 'resource', 'context')
  .map((variable): Expr => ({ kind: 'variable', at, name: variable as 'principal' }));

const path = fc.oneof(
  name.map((only) => [only]),
  fc.array(identifier, { minLength: 2, maxLength: 3 }),
);

export const expression: fc.Arbitrary<Expr> = fc.letrec<{ expr: Expr }>((tie) => {
  const sub = tie('expr');
  const of = <K extends Expr['kind']>(kind: K, parts: object) =>
    fc.record({
      kind: fc.constant(kind),
      at: fc.constant(at),
      ...parts,
    }) as fc.Arbitrary<object> as fc.Arbitrary<Expr>;
  const operator = fc.constantFrom(
    ...['==', '!=', '<', '<=', '>', '>=', '+', '-', '*', '&&', '&&', '||', '||', 'in'],
  );
  const call = (names: readonly string[], arity: { minLength: number; maxLength: number }) =>
    of('call', { name: fc.constantFrom(...names), args: fc.array(sub, arity) });
  return {
    expr: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      literal,
      variable,
      { weight: 3, arbitrary: of('binary', { operator, left: sub, right: sub }) },
      { weight: 2, arbitrary: of('not', { operand: sub }) },
      { weight: 2, arbitrary: of('negate', { operand: sub }) },
      of('if', { test: sub, consequent: sub, alternate: sub }),
      { weight: 2, arbitrary: of('attribute', { object: sub, name }) },
      of('has', { object: sub, path }),
      of('like', { operand: sub, pattern: fc.array(text, { minLength: 1, maxLength: 4 }) }),
      of('is', { operand: sub, type: typeName }),
      of('is', { operand: sub, type: typeName, in: sub }),
      of('set', { elements: fc.array(sub, { maxLength: 3 }) }),
      of('record', {
        members: fc.uniqueArray(fc.tuple(name, sub), { maxLength: 3, selector: ([key]) => key }),
      }),
      call(['contains', 'containsAll', 'containsAny', 'getTag', 'hasTag'], {
        minLength: 2,
        maxLength: 2,
      }),
      call(['isEmpty'], { minLength: 1, maxLength: 1 }),
      call(['ip', 'decimal', 'datetime', 'duration'], { minLength: 0, maxLength: 2 }),
      call(['isIpv4', 'isInRange', 'lessThan', 'offset', 'toDate'], { minLength: 1, maxLength: 3 }),
    ),
  };
}).expr;

type Scopes = Pick<Policy, 'principal' | 'action' | 'resource'>;

const entityScope = (slot: string) => {
  const target = fc.oneof(entity, fc.constant(slot));
  return fc.oneof(
    fc.constant({ kind: 'any' }),
    fc.record({ kind: fc.constant('eq'), entity: target }),
    fc.record({ kind: fc.constant('in'), entity: target }),
    fc.record({ kind: fc.constant('is'), type: typeName }),
    fc.record({ kind: fc.constant('is-in'), type: typeName, entity: target }),
  );
};

const action = fc
  .tuple(fc.constantFrom('Action', 'A::Action'), text)
  .map(([type, id]) => new EntityUid(type, id));
const actionScope = fc.oneof(
  fc.constant({ kind: 'any' }),
  fc.record({ kind: fc.constant('eq'), entity: action }),
  fc.record({ kind: fc.constant('in'), entities: fc.array(action, { maxLength: 3 }) }),
);
const annotation = fc.tuple(fc.oneof(identifier, fc.constant('if')), fc.option(text));
const condition = fc.record({
  kind: fc.constantFrom('when', 'unless'),
  body: expression,
}) as fc.Arbitrary<Condition>;

export const policyOrTemplate: fc.Arbitrary<Policy> = fc
  .record({
    effect: fc.constantFrom('permit', 'forbid'),
    annotations: fc.uniqueArray(annotation, { maxLength: 3, selector: ([key]) => key }),
    principal: entityScope('?principal'),
    action: actionScope,
    resource: entityScope('?resource'),
    conditions: fc.array(condition, { maxLength: 2 }),
  })
  .map(({ annotations, ...rest }) => ({
    ...(rest as unknown as Scopes & Pick<Policy, 'effect' | 'conditions'>),
    annotations: new Map(annotations),
    start: 0,
    end: 0,
  }));

/** The tree as one string in which only places are missing. */
export const treeOf = (tree: Policy | Expr): string =>
  JSON.stringify(tree, (key, value: unknown) => {
    if (key === 'at' || key === 'start' || key === 'end') return undefined;
    if (typeof value === 'bigint') return `${value}n`;
    if (value instanceof Map) return [...value];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });

/**
 * Expressions as text with no parentheses but those that the grammar needs. What is printed parses back to
 * an equal tree, so that two policies are the same when their texts are.
 */
import type { BinaryOperator, Expr } from '../ast.ts';
import { EntityUid } from '../value.ts';
import { isAttributeName } from './names.ts';
import { foldSpine } from './spine.ts';

export function printExpr(expr: Expr): string {
  return print(expr, Level.any);
}

/** The operands of `a && b && c` or of `a || b || c`, each but the last with its operator behind it. */
export function printOperands(expr: Expr): readonly string[] | undefined {
  if (expr.kind !== 'binary' || (expr.operator !== '&&' && expr.operator !== '||'))
    return undefined;
  const { operator } = expr;
  const { left, right } = BINARY[operator];
  const texts: string[] = [];
  let rest: Expr = expr;
  for (; rest.kind === 'binary' && rest.operator === operator; rest = rest.left) {
    texts.push(
      texts.length === 0 ? print(rest.right, right) : `${print(rest.right, right)} ${operator}`,
    );
  }
  texts.push(`${print(rest, left)} ${operator}`);
  return texts.reverse();
}

/** How tightly what stands in a place must bind to need no parentheses: the levels of the grammar. */
const Level = {
  any: 0,
  or: 1,
  and: 2,
  relation: 3,
  sum: 4,
  product: 5,
  unary: 6,
  member: 7,
} as const;
type Level = (typeof Level)[keyof typeof Level];

function print(expr: Expr, place: Level): string {
  const { text, level } = foldSpine(expr, printInnermost, printAround);
  return level < place ? `(${text})` : text;
}

interface Printed {
  readonly text: string;
  readonly level: Level;
}

const printInnermost = (expr: Expr): Printed => ({
  text: printBare(expr),
  level: levelOf(expr),
});

function printAround(first: Printed, expr: Expr): Printed {
  const text = first.level < firstPlaceOf(expr) ? `(${first.text})` : first.text;
  return { text: `${text}${printRest(expr)}`, level: levelOf(expr) };
}

function levelOf(expr: Expr): Level {
  switch (expr.kind) {
    case 'if':
      return Level.any;
    case 'binary':
      return BINARY[expr.operator].level;
    case 'has':
    case 'like':
    case 'is':
      return Level.relation;
    case 'not':
    case 'negate':
      return Level.unary;
    case 'literal':
      // `-1.a` would be the negation of `1.a`.
      return isNegative(expr) ? Level.unary : Level.member;
    default:
      return Level.member;
  }
}

interface Operator {
  readonly level: Level;
  readonly left: Level;
  readonly right: Level;
}
const SUM: Operator = { level: Level.sum, left: Level.sum, right: Level.product };
/** Does not associate. */
const RELATION: Operator = { level: Level.relation, left: Level.sum, right: Level.sum };

const BINARY: Readonly<Record<BinaryOperator, Operator>> = {
  '||': { level: Level.or, left: Level.or, right: Level.and },
  '&&': { level: Level.and, left: Level.and, right: Level.relation },
  '==': RELATION,
  '!=': RELATION,
  '<': RELATION,
  '<=': RELATION,
  '>': RELATION,
  '>=': RELATION,
  in: RELATION,
  '+': SUM,
  '-': SUM,
  '*': { level: Level.product, left: Level.product, right: Level.unary },
};

/** How tightly what stands before the operator must bind. */
function firstPlaceOf(expr: Expr): Level {
  if (expr.kind === 'binary') return BINARY[expr.operator].left;
  return levelOf(expr) === Level.relation ? Level.sum : Level.member;
}

/** What has nothing before its operator. */
function printBare(expr: Expr): string {
  switch (expr.kind) {
    case 'literal':
      return printLiteral(expr.value);
    case 'variable':
      return expr.name;
    case 'not':
    case 'negate':
      return printSigns(expr);
    case 'if':
      return `if ${printExpr(expr.test)} then ${printExpr(expr.consequent)} else ${printExpr(expr.alternate)}`;
    case 'set':
      return `[${printList(expr.elements)}]`;
    case 'record':
      return printRecord(expr.members);
    case 'call':
      return `${expr.name}(${printList(expr.args)})`;
    default:
      throw new Error(`${expr.kind} has a first operand`);
  }
}

/** The operator and what stands behind it. */
function printRest(expr: Expr): string {
  switch (expr.kind) {
    case 'binary':
      return ` ${expr.operator} ${print(expr.right, BINARY[expr.operator].right)}`;
    case 'attribute':
      return isAttributeName(expr.name) ? `.${expr.name}` : `[${quote(expr.name)}]`;
    case 'has':
      return ` has ${printPath(expr.path)}`;
    case 'like':
      return ` like "${expr.pattern.map(escapePiece).join('*')}"`;
    case 'is':
      return ` is ${expr.type}${expr.in === undefined ? '' : ` in ${print(expr.in, Level.sum)}`}`;
    case 'call':
      return `.${expr.name}(${printList(expr.args.slice(1))})`;
    default:
      throw new Error(`${expr.kind} has no first operand`);
  }
}

/** Four of one sign at most stand before an operand, and the sign of a literal counts as one. */
const SIGNS_MAX = 4;

function printSigns(outer: Expr & { readonly kind: 'not' | 'negate' }): string {
  const sign = outer.kind === 'not' ? '!' : '-';
  let signs = 1;
  let operand = outer.operand;
  while (operand.kind === outer.kind && signs < SIGNS_MAX) {
    operand = (operand as typeof outer).operand;
    signs++;
  }
  // `-1` would be a literal, `-(1)` is its negation.
  const isNumber =
    sign === '-' && operand.kind === 'literal' && isLong(operand.value) && !isNegative(operand);
  const takesSign = sign === '-' && isNegative(operand) && signs < SIGNS_MAX;
  const text = isNumber
    ? `(${printBare(operand)})`
    : print(operand, takesSign ? Level.unary : Level.member);
  return `${sign.repeat(signs)}${text}`;
}

const isLong = (value: unknown): value is number | bigint =>
  typeof value === 'number' || typeof value === 'bigint';
const isNegative = (expr: Expr): boolean =>
  expr.kind === 'literal' && isLong(expr.value) && expr.value < 0;

function printLiteral(value: boolean | string | number | bigint | EntityUid): string {
  if (value instanceof EntityUid) return printEntity(value);
  return typeof value === 'string' ? quote(value) : value.toString();
}

export const printEntity = ({ type, id }: EntityUid): string => `${type}::${quote(id)}`;

function printPath(path: readonly string[]): string {
  const [first = '', ...rest] = path;
  return rest.length === 0 && !isAttributeName(first) ? quote(first) : path.join('.');
}

function printRecord(members: readonly (readonly [string, Expr])[]): string {
  const texts = members.map(
    ([name, value]) => `${isAttributeName(name) ? name : quote(name)}: ${printExpr(value)}`,
  );
  return texts.length === 0 ? '{}' : `{ ${texts.join(', ')} }`;
}

const printList = (exprs: readonly Expr[]): string => exprs.map(printExpr).join(', ');

/** A string in quotes; what cannot be seen, or changes the order of what is seen, is escaped. */
export const quote = (text: string): string => `"${escapeText(text)}"`;
const escapePiece = (text: string): string => escapeText(text).replaceAll('*', '\\*');

/** Ranges and no Unicode classes: the text of a policy must not change with the version of Unicode. */
const ESCAPED =
  /[\0-\x1f"\\\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff0-\uffff\u{e0000}-\u{e0fff}]/gu;
const SHORT: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\0': '\\0',
  '"': '\\"',
  '\\': '\\\\',
};

function escapeText(text: string): string {
  return text.replace(
    ESCAPED,
    (char) => SHORT[char] ?? `\\u{${char.codePointAt(0)!.toString(16)}}`,
  );
}

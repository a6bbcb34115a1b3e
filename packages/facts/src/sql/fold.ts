/**
 * Folds constants in a predicate, as far as the answer is sure: integers, booleans and plain strings under
 * the built-in operators. Where it is not sure there is no answer; a wrong one would let a write pass.
 */
import {
  type Body,
  bodyOf,
  isObject,
  lastName,
  list,
  nodeOf,
  object,
  strings,
  text,
} from './node.ts';

type Value = number | boolean | string | null;

/** Past it two numbers of ours may be one where the server sees two. */
const INTEGER_MAX = 2 ** 31 - 1;

export function integerOf(node: unknown): number | undefined {
  const value = object(bodyOf(node, 'A_Const')?.ival);
  if (!value) return undefined;
  return typeof value.ival === 'number' ? value.ival : 0;
}

/** True for a predicate that holds for every row, by constants alone. */
export const isTrue = (node: unknown): boolean => node === true || fold(node) === true;

/** The value of an expression of constants; undefined where it is not sure, or not constant. */
export function fold(node: unknown): Value | undefined {
  const found = nodeOf(node);
  if (!found) return undefined;
  const { kind, body } = found;
  switch (kind) {
    case 'A_Const':
      return constant(body);
    case 'TypeCast':
      return cast(body);
    case 'BoolExpr':
      return logic(body);
    case 'NullTest': {
      const value = fold(body.arg);
      if (value === undefined) return undefined;
      return (body.nulltesttype === 'IS_NULL') === (value === null);
    }
    case 'BooleanTest':
      return booleanTest(text(body.booltesttype), fold(body.arg));
    case 'CoalesceExpr':
      return coalesce(list(body.args));
    case 'CaseExpr':
      return choose(body);
    case 'A_Expr':
      return operation(body);
    default:
      return undefined;
  }
}

function constant(body: Body): Value | undefined {
  if (body.isnull === true) return null;
  if (isObject(body.boolval)) return body.boolval.boolval === true;
  if (isObject(body.sval)) return text(body.sval.sval);
  if (isObject(body.ival)) return typeof body.ival.ival === 'number' ? body.ival.ival : 0;
  return undefined;
}

const TRUE_TEXT = /^(t|tr|tru|true|y|ye|yes|on|1)$/i;
const FALSE_TEXT = /^(f|fa|fal|fals|false|n|no|of|off|0)$/i;

function cast(body: Body): Value | undefined {
  const value = fold(body.arg);
  const type = lastName(object(body.typeName)?.names);
  if (value === undefined || list(object(body.typeName)?.arrayBounds).length > 0) return undefined;
  if (value === null) return null;
  if (type === 'bool' && typeof value === 'string') {
    if (TRUE_TEXT.test(value.trim())) return true;
    return FALSE_TEXT.test(value.trim()) ? false : undefined;
  }
  if (type === 'bool' && typeof value === 'number') return value !== 0;
  if (type === 'bool' && typeof value === 'boolean') return value;
  if (type === 'int4' && typeof value === 'number') return value;
  if (type === 'int4' && typeof value === 'string' && /^\s*-?\d{1,9}\s*$/.test(value))
    return Number(value);
  return type === 'text' && typeof value === 'string' ? value : undefined;
}

/** Three-valued: an unknown that is not sure decides nothing, unless the others do. */
function logic(body: Body): Value | undefined {
  const values = list(body.args).map(truth);
  if (body.boolop === 'NOT_EXPR') {
    const [value] = values;
    return typeof value === 'boolean' ? !value : value;
  }
  const decisive = body.boolop === 'OR_EXPR';
  if (values.includes(decisive)) return decisive;
  if (values.includes(undefined)) return undefined;
  return values.includes(null) ? null : !decisive;
}

/** As a condition: a string constant there is read as a boolean. */
function truth(node: unknown): boolean | null | undefined {
  const value = fold(node);
  if (typeof value === 'boolean' || value === null) return value;
  if (typeof value !== 'string') return undefined;
  if (TRUE_TEXT.test(value.trim())) return true;
  return FALSE_TEXT.test(value.trim()) ? false : undefined;
}

function booleanTest(test: string, value: Value | undefined): boolean | undefined {
  if (value === undefined || typeof value === 'string' || typeof value === 'number')
    return undefined;
  const wanted = /TRUE/.test(test) ? true : /FALSE/.test(test) ? false : null;
  return (value === wanted) !== /NOT/.test(test);
}

function coalesce(args: readonly unknown[]): Value | undefined {
  for (const arg of args) {
    const value = fold(arg);
    if (value !== null) return value;
  }
  return null;
}

function choose(body: Body): Value | undefined {
  if (body.arg !== undefined) return undefined;
  for (const item of list(body.args)) {
    const when = bodyOf(item, 'CaseWhen');
    const condition = truth(when?.expr);
    if (condition === undefined) return undefined;
    if (condition === true) return fold(when?.result);
  }
  return body.defresult === undefined ? null : fold(body.defresult);
}

function operation(body: Body): Value | undefined {
  const left = fold(body.lexpr);
  const name = (strings(body.name) ?? []).at(-1) ?? '';
  switch (body.kind) {
    case 'AEXPR_OP':
      return body.lexpr === undefined
        ? negate(name, fold(body.rexpr))
        : binary(name, left, fold(body.rexpr));
    case 'AEXPR_DISTINCT':
    case 'AEXPR_NOT_DISTINCT':
      return distinct(body.kind, left, fold(body.rexpr));
    case 'AEXPR_IN':
      return among(name === '=', left, list(bodyOf(body.rexpr, 'List')?.items).map(fold));
    case 'AEXPR_BETWEEN':
    case 'AEXPR_NOT_BETWEEN':
      return within(
        body.kind === 'AEXPR_BETWEEN',
        left,
        list(bodyOf(body.rexpr, 'List')?.items).map(fold),
      );
    default:
      return undefined;
  }
}

function negate(name: string, value: Value | undefined): Value | undefined {
  return name === '-' && typeof value === 'number' ? -value : undefined;
}

function binary(
  name: string,
  left: Value | undefined,
  right: Value | undefined,
): Value | undefined {
  if (left === undefined || right === undefined) return undefined;
  if (left === null || right === null) return null;
  if (typeof left === 'number' && typeof right === 'number') return arithmetic(name, left, right);
  if (typeof left !== typeof right || typeof left === 'number') return undefined;
  if (name === '=') return left === right;
  if (name === '<>' || name === '!=') return left !== right;
  return undefined;
}

function arithmetic(name: string, left: number, right: number): Value | undefined {
  const bounded = (value: number): number | undefined =>
    Math.abs(value) <= INTEGER_MAX ? value : undefined;
  switch (name) {
    case '+':
      return bounded(left + right);
    case '-':
      return bounded(left - right);
    case '*':
      return bounded(left * right);
    case '=':
      return left === right;
    case '<>':
    case '!=':
      return left !== right;
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
    default:
      return undefined;
  }
}

function distinct(
  kind: unknown,
  left: Value | undefined,
  right: Value | undefined,
): boolean | undefined {
  if (left === undefined || right === undefined) return undefined;
  if (left !== null && right !== null && typeof left !== typeof right) return undefined;
  return (left !== right) === (kind === 'AEXPR_DISTINCT');
}

function among(
  positive: boolean,
  left: Value | undefined,
  items: readonly (Value | undefined)[],
): Value | undefined {
  const equal = items.map((item) => binary('=', left, item));
  if (equal.includes(true)) return positive;
  if (equal.includes(undefined)) return undefined;
  return equal.includes(null) ? null : !positive;
}

function within(
  positive: boolean,
  value: Value | undefined,
  bounds: readonly (Value | undefined)[],
): Value | undefined {
  const [low, high] = bounds;
  if (typeof value !== 'number' || typeof low !== 'number' || typeof high !== 'number')
    return undefined;
  return (low <= value && value <= high) === positive;
}

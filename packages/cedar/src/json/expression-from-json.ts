import type { BinaryOperator, CallName, Expr, Pattern } from '../ast.ts';
import { NODES_MAX, TREE_DEPTH_MAX } from '../syntax/limits.ts';
import { findCall, isAttributeName, isVariable } from '../syntax/names.ts';
import { JsonNumber } from './json.ts';
import {
  checkMembers,
  describe,
  isObject,
  type Members,
  memberOf,
  takeList,
  takeObject,
  takeString,
} from './members.ts';
import { JsonFailure, type Place } from './place.ts';
import { isUid, readTypeAndId, readTypeName } from './uid.ts';

const BINARY: ReadonlySet<string> = new Set<BinaryOperator>([
  ...(['==', '!=', '<', '<=', '>', '>=', '+', '-', '*', '&&', '||', 'in'] as const),
]);
const I64_MIN = -9223372036854775808n;
const I64_MAX = 9223372036854775807n;
const NO_FRACTIONS = 'Cedar has no number like this: fractions are `decimal("…")`';

/** The expressions of one policy, which share one bound. */
export class ExpressionReader {
  #nodes = 0;
  #depth = 0;

  /** `{ "&&": { "left": …, "right": … } }` and the like: one member, whose name is the operator. */
  read(value: unknown, place: Place): Expr {
    const object = takeObject(value, place);
    const names = Object.keys(object);
    const [operator] = names;
    if (operator === undefined || names.length > 1) {
      throw new JsonFailure(`an expression has one member, found ${names.length}`, place);
    }
    this.#enter(place);
    const expr = this.#readOperator(operator, object[operator], place.at(operator));
    this.#depth--;
    return expr;
  }

  #enter(place: Place): void {
    if (++this.#depth > TREE_DEPTH_MAX) {
      throw new JsonFailure(`the expression is more than ${TREE_DEPTH_MAX} operators deep`, place);
    }
    if (++this.#nodes > NODES_MAX) {
      throw new JsonFailure(`the policy has more than ${NODES_MAX} operators and operands`, place);
    }
  }

  #readOperator(operator: string, value: unknown, place: Place): Expr {
    const at = 0;
    switch (operator) {
      case 'Value':
        return this.#readValue(value, place);
      case 'Var':
        if (typeof value === 'string' && isVariable(value)) {
          return { kind: 'variable', at, name: value };
        }
        throw new JsonFailure('expected "principal", "action", "resource" or "context"', place);
      case 'Slot':
        throw new JsonFailure('a slot may stand only in the scope of a template', place);
      case '!':
      case 'neg': {
        const [operand] = this.#readArgs(value, ['arg'], place);
        return { kind: operator === '!' ? 'not' : 'negate', at, operand: operand! };
      }
      case 'if-then-else': {
        const [test, consequent, alternate] = this.#readArgs(value, ['if', 'then', 'else'], place);
        return { kind: 'if', at, test: test!, consequent: consequent!, alternate: alternate! };
      }
      case '.': {
        const [object, rest] = this.#readLeft(value, ['attr'], place);
        return { kind: 'attribute', at, object, name: takeString(rest.attr, place.at('attr')) };
      }
      case 'has': {
        // Cedar ignores other members here, and here only.
        const { left, attr } = takeObject(value, place);
        const [object, rest] = this.#readLeft({ left, attr }, ['attr'], place);
        return { kind: 'has', at, object, path: readPath(rest.attr, place.at('attr')) };
      }
      case 'like': {
        const [operand, rest] = this.#readLeft(value, ['pattern'], place);
        return {
          kind: 'like',
          at,
          operand,
          pattern: readPattern(rest.pattern, place.at('pattern')),
        };
      }
      case 'is':
        return this.#readIs(value, place);
      case 'Set': {
        const elements = takeList(value, place).map((item, index) =>
          this.read(item, place.at(index)),
        );
        return { kind: 'set', at, elements };
      }
      case 'Record': {
        const members = Object.entries(takeObject(value, place)).map(([name, member]) => {
          const inside = place.at(name);
          return [takeString(name, inside), this.read(member, inside)] as const;
        });
        return { kind: 'record', at, members };
      }
      default:
        return BINARY.has(operator)
          ? this.#readBinary(operator as BinaryOperator, value, place)
          : this.#readCall(operator, value, place);
    }
  }

  #readBinary(operator: BinaryOperator, value: unknown, place: Place): Expr {
    const [left, right] = this.#readArgs(value, ['left', 'right'], place);
    return { kind: 'binary', at: 0, operator, left: left!, right: right! };
  }

  /** Exactly these members, each an expression. */
  #readArgs(value: unknown, names: readonly string[], place: Place): Expr[] {
    const object = takeObject(value, place);
    checkMembers(object, names, place);
    return names.map((name) => this.read(memberOf(object, name), place.at(name)));
  }

  /** `left` as an expression, and the rest as it is. */
  #readLeft(value: unknown, others: readonly string[], place: Place): [Expr, Members] {
    const object = takeObject(value, place);
    checkMembers(object, ['left', ...others], place);
    const rest = Object.fromEntries(others.map((name) => [name, memberOf(object, name)]));
    return [this.read(memberOf(object, 'left'), place.at('left')), rest];
  }

  #readIs(value: unknown, place: Place): Expr {
    const [operand, rest] = this.#readLeft(value, ['entity_type', 'in'], place);
    const type = readTypeName(rest.entity_type, place.at('entity_type'));
    const is = { kind: 'is', at: 0, operand, type } as const;
    if (rest.in === undefined || rest.in === null) return is;
    return { ...is, in: this.read(rest.in, place.at('in')) };
  }

  #readCall(name: string, value: unknown, place: Place): Expr {
    const call = findCall(name);
    if (call === undefined) throw new JsonFailure(`there is no operator \`${name}\``, place);
    if (call.arity !== undefined) {
      const args = this.#readArgs(value, call.arity === 0 ? ['arg'] : ['left', 'right'], place);
      return { kind: 'call', at: 0, name: call.name, args };
    }
    const args = takeList(value, place).map((item, index) => this.read(item, place.at(index)));
    return callOf(call.name, args, place);
  }

  /** Plain JSON as a literal; an object with nothing but `__entity` or `__extn` is what that says. */
  #readValue(value: unknown, place: Place): Expr {
    this.#enter(place);
    const expr = this.#readPlain(value, place);
    this.#depth--;
    return expr;
  }

  #readPlain(value: unknown, place: Place): Expr {
    const at = 0;
    if (typeof value === 'boolean') return { kind: 'literal', at, value };
    if (typeof value === 'string') return { kind: 'literal', at, value: takeString(value, place) };
    if (typeof value === 'number' || typeof value === 'bigint') return readLong(value, place);
    if (Array.isArray(value)) {
      const elements = value.map((item, index) => this.#readValue(item, place.at(index)));
      return { kind: 'set', at, elements };
    }
    if (value instanceof JsonNumber) throw new JsonFailure(NO_FRACTIONS, place);
    if (!isObject(value)) {
      throw new JsonFailure(`expected a Cedar value, found ${describe(value)}`, place);
    }
    const only = Object.keys(value).length === 1 ? Object.keys(value)[0]! : '';
    const inner = only === '' ? undefined : value[only];
    if (only === '__entity' && isUid(inner)) {
      this.#checkNumbers(inner, place.at(only));
      return { kind: 'literal', at, value: readTypeAndId(inner, place.at(only)) };
    }
    if (only === '__extn' && isObject(inner) && typeof memberOf(inner, 'fn') === 'string') {
      const args = extensionArguments(inner);
      if (args !== undefined) {
        this.#checkNumbers(inner, place.at(only));
        return this.#readExtension(memberOf(inner, 'fn') as string, args, place);
      }
    }
    if (only === '__expr' && typeof inner === 'string') {
      throw new JsonFailure('`__expr` is no longer part of Cedar', place);
    }
    const members = Object.entries(value).map(([name, member]) => {
      const inside = place.at(name);
      return [takeString(name, inside), this.#readValue(member, inside)] as const;
    });
    return { kind: 'record', at, members };
  }

  /** Cedar refuses a number that is no Long even in a member that it ignores. */
  #checkNumbers(value: unknown, place: Place): void {
    this.#enter(place);
    if (value instanceof JsonNumber) throw new JsonFailure(NO_FRACTIONS, place);
    if (typeof value === 'number' || typeof value === 'bigint') readLong(value, place);
    else if (typeof value === 'object' && value !== null) {
      for (const [name, member] of Object.entries(value))
        this.#checkNumbers(member, place.at(name));
    }
    this.#depth--;
  }

  #readExtension(name: string, args: readonly unknown[], place: Place): Expr {
    const call = findCall(name);
    if (call === undefined || call.arity !== undefined) {
      throw new JsonFailure(`there is no extension function \`${name}\``, place);
    }
    const operands = args.map((arg, index) => this.#readValue(arg, place.at(index)));
    return callOf(call.name, operands, place);
  }
}

function callOf(name: CallName, args: readonly Expr[], place: Place): Expr {
  if (findCall(name)?.style === 'method' && args.length === 0) {
    throw new JsonFailure(`\`${name}\` is a method and needs what it is called on`, place);
  }
  return { kind: 'call', at: 0, name, args };
}

function readLong(value: number | bigint, place: Place): Expr {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      throw new JsonFailure(
        Number.isInteger(value)
          ? 'the integer lost digits: read the text with parseJson'
          : NO_FRACTIONS,
        place,
      );
    }
    return { kind: 'literal', at: 0, value };
  }
  if (value < I64_MIN || value > I64_MAX)
    throw new JsonFailure('the integer exceeds 64 bits', place);
  const near = Number(value);
  return { kind: 'literal', at: 0, value: Number.isSafeInteger(near) ? near : value };
}

/** `arg` is one and `args` are several; undefined where neither is there, and then it is a record. */
function extensionArguments(object: Members): readonly unknown[] | undefined {
  const arg = memberOf(object, 'arg');
  if (arg !== undefined) return [arg];
  const args = memberOf(object, 'args');
  return Array.isArray(args) ? args : undefined;
}

/** A name, or the names of a path. */
function readPath(value: unknown, place: Place): readonly string[] {
  if (typeof value === 'string') return [takeString(value, place)];
  const path = takeList(value, place).map((item, index) => takeString(item, place.at(index)));
  if (path.length === 0) throw new JsonFailure('a path has at least one name', place);
  if (path.length > 1 && !path.every(isAttributeName)) {
    throw new JsonFailure('a path of several names has identifiers only', place);
  }
  return path;
}

/** "Wildcard" and { "Literal": text } in any order. */
function readPattern(value: unknown, place: Place): Pattern {
  const pieces = [''];
  takeList(value, place).forEach((item, index) => {
    const inside = place.at(index);
    if (item === 'Wildcard') {
      pieces.push('');
      return;
    }
    const literal = takeObject(item, inside);
    checkMembers(literal, ['Literal'], inside);
    pieces[pieces.length - 1] += takeString(memberOf(literal, 'Literal'), inside.at('Literal'));
  });
  return pieces;
}

import type { BinaryOperator, CallName, Expr, Pattern } from '../ast.ts';
import { longFromBigint } from '../extension/i64.ts';
import { NESTING_MAX, NODES_MAX } from '../syntax/limits.ts';
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

const UNARY: ReadonlySet<string> = new Set(['!', 'neg']);
const BINARY: readonly BinaryOperator[] = [
  ...(['==', '!=', '<', '<=', '>', '>=', '+', '-', '*', '&&', '||', 'in'] as const),
];
const OPERATORS: ReadonlySet<string> = new Set([
  ...[...UNARY, ...BINARY],
  ...['.', 'has', 'like', 'is'],
]);
/**
 * Of the other operands, over which this recurses: some for each bracket that the text would have. All other
 * limits are the parser's, which reads that text.
 */
const LEVELS_MAX = 3 * NESTING_MAX;

const NO_FRACTIONS = 'Cedar has no number like this: fractions are `decimal("…")`';

/** `{ "&&": { "left": …, "right": … } }` taken apart: one member, whose name is the operator. */
interface Operation {
  readonly operator: string;
  readonly body: unknown;
  readonly place: Place;
}

/** The expressions of one policy, which share one bound. */
export class ExpressionReader {
  #nodes = 0;
  #depth = 0;

  /** Goes down first operands in a loop: a chain is as deep there as it is long. */
  read(value: unknown, place: Place): Expr {
    this.#descend(place);
    const around: Operation[] = [];
    let operation = this.#open(value, place);
    for (let first = firstOf(operation); first !== undefined; first = firstOf(operation)) {
      around.push(operation);
      operation = this.#open(first.value, first.place);
    }
    const innermost = this.#readInnermost(operation);
    const expr = around.reduceRight((first, outer) => this.#readAround(first, outer), innermost);
    this.#depth--;
    return expr;
  }

  #descend(place: Place): void {
    if (++this.#depth > LEVELS_MAX) {
      throw new JsonFailure(`nested deeper than ${LEVELS_MAX} levels`, place);
    }
  }

  #count(place: Place): void {
    if (++this.#nodes > NODES_MAX) {
      throw new JsonFailure(`the policy has more than ${NODES_MAX} operators and operands`, place);
    }
  }

  #open(value: unknown, place: Place): Operation {
    this.#count(place);
    const object = takeObject(value, place);
    const names = Object.keys(object);
    const [operator] = names;
    if (operator === undefined || names.length > 1) {
      throw new JsonFailure(`an expression has one member, found ${names.length}`, place);
    }
    return { operator, body: object[operator], place: place.at(operator) };
  }

  /** What has no operand that is walked in a loop (`firstOf`). */
  #readInnermost({ operator, body, place }: Operation): Expr {
    const at = 0;
    switch (operator) {
      case 'Value':
        return this.#readPlain(body, place);
      case 'Var':
        if (typeof body === 'string' && isVariable(body)) {
          return { kind: 'variable', at, name: body };
        }
        throw new JsonFailure('expected "principal", "action", "resource" or "context"', place);
      case 'Slot':
        throw new JsonFailure('a slot may stand only in the scope of a template', place);
      case 'if-then-else': {
        const [test, consequent, alternate] = this.#readArgs(body, ['if', 'then', 'else'], place);
        return { kind: 'if', at, test: test!, consequent: consequent!, alternate: alternate! };
      }
      case 'Set':
        return { kind: 'set', at, elements: this.#readAll(takeList(body, place), place, 0) };
      case 'Record': {
        const members = Object.entries(takeObject(body, place)).map(([name, member]) => {
          const inside = place.at(name);
          return [takeString(name, inside), this.read(member, inside)] as const;
        });
        return { kind: 'record', at, members };
      }
      default: {
        const call = findCall(operator);
        if (call === undefined) {
          throw new JsonFailure(`there is no operator \`${operator}\``, place);
        }
        return callOf(call.name, this.#readAll(takeList(body, place), place, 0), place);
      }
    }
  }

  /** The operator and its other operands. */
  #readAround(first: Expr, { operator, body, place }: Operation): Expr {
    const at = 0;
    if (Array.isArray(body)) {
      const args = [first, ...this.#readAll(body, place, 1)];
      return { kind: 'call', at, name: findCall(operator)!.name, args };
    }
    const object = takeObject(body, place);
    switch (operator) {
      case '!':
      case 'neg':
        checkMembers(object, ['arg'], place);
        return { kind: operator === '!' ? 'not' : 'negate', at, operand: first };
      case '.': {
        checkMembers(object, ['left', 'attr'], place);
        const name = takeString(memberOf(object, 'attr'), place.at('attr'));
        return { kind: 'attribute', at, object: first, name };
      }
      case 'has': {
        // Cedar ignores other members here, and here only.
        const path = readPath(memberOf(object, 'attr'), place.at('attr'));
        return { kind: 'has', at, object: first, path };
      }
      case 'like': {
        checkMembers(object, ['left', 'pattern'], place);
        const pattern = readPattern(memberOf(object, 'pattern'), place.at('pattern'));
        return { kind: 'like', at, operand: first, pattern };
      }
      case 'is': {
        checkMembers(object, ['left', 'entity_type', 'in'], place);
        const type = readTypeName(memberOf(object, 'entity_type'), place.at('entity_type'));
        const is = { kind: 'is', at, operand: first, type } as const;
        const container = memberOf(object, 'in');
        if (container === undefined || container === null) return is;
        return { ...is, in: this.read(container, place.at('in')) };
      }
      case 'isEmpty':
        checkMembers(object, ['arg'], place);
        return { kind: 'call', at, name: operator, args: [first] };
      default: {
        checkMembers(object, ['left', 'right'], place);
        const right = this.read(memberOf(object, 'right'), place.at('right'));
        const call = findCall(operator);
        if (call !== undefined) return { kind: 'call', at, name: call.name, args: [first, right] };
        return { kind: 'binary', at, operator: operator as BinaryOperator, left: first, right };
      }
    }
  }

  /** Exactly these members, each an expression. */
  #readArgs(value: unknown, names: readonly string[], place: Place): Expr[] {
    const object = takeObject(value, place);
    checkMembers(object, names, place);
    return names.map((name) => this.read(memberOf(object, name), place.at(name)));
  }

  /** The elements of a list from an index on. */
  #readAll(items: readonly unknown[], place: Place, from: number): Expr[] {
    return items.slice(from).map((item, index) => this.read(item, place.at(from + index)));
  }

  /** Plain JSON as a literal; an object with nothing but `__entity` or `__extn` is what that says. */
  #readValue(value: unknown, place: Place): Expr {
    this.#descend(place);
    this.#count(place);
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
    this.#descend(place);
    this.#count(place);
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

/** The operand that is walked in a loop: what stands before the operator, or alone behind a sign. */
function firstOf({
  operator,
  body,
  place,
}: Operation): { value: unknown; place: Place } | undefined {
  const call = findCall(operator);
  if (call?.style === 'method' && call.arity === undefined) {
    const receiver = takeList(body, place)[0];
    return receiver === undefined ? undefined : { value: receiver, place: place.at(0) };
  }
  if (call?.style !== 'method' && !OPERATORS.has(operator)) return undefined;
  const name = call?.arity === 0 || UNARY.has(operator) ? 'arg' : 'left';
  return { value: memberOf(takeObject(body, place), name), place: place.at(name) };
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
  const long = longFromBigint(value);
  if (long === undefined) throw new JsonFailure('the integer exceeds 64 bits', place);
  return { kind: 'literal', at: 0, value: long };
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

/** Operands: literals, names, calls, sets and records, with what is looked up in them. */
import type { Expr, Variable } from '../ast.ts';
import type { EntityUid } from '../value.ts';
import { SyntaxFailure } from './error.ts';
import { parseExpression } from './expression.ts';
import { callNames, findCall, isReserved, isVariable, VARIABLES } from './names.ts';
import type { TokenStream } from './stream.ts';
import { hintFor, suggest } from './suggest.ts';
import { takeAttributeName, takeEntity, takePath, takeString, toLong } from './words.ts';

export function parseOperand(tokens: TokenStream): Expr {
  return parseAccesses(tokens, parsePrimary(tokens));
}

/** `-1` is a literal, and `-1.a` the negation of an attribute of 1. Takes the sign that it used. */
export function parseNegative(tokens: TokenStream, places: number[]): Expr {
  const digits = tokens.written;
  const { start, end } = tokens;
  tokens.advance();
  if (tokens.is('.') || tokens.is('[') || tokens.is('(')) {
    const literal = literalAt(tokens, start, toLong(tokens, digits, false, start, end));
    return parseAccesses(tokens, literal);
  }
  const at = places.pop()!;
  return literalAt(tokens, at, toLong(tokens, digits, true, start, end));
}

/** `.name`, `.method(…)` and `["name"]` behind an operand. */
function parseAccesses(tokens: TokenStream, operand: Expr): Expr {
  let object = operand;
  for (;;) {
    const at = tokens.start;
    const { depth } = tokens;
    if (tokens.is('.')) {
      tokens.advance();
      const nameStart = tokens.start;
      const name = takeAttributeName(tokens, 'an attribute or a method');
      if (tokens.is('(')) {
        object = parseMethodCall(tokens, object, name, nameStart);
      } else {
        tokens.countNode(depth, at);
        object = { kind: 'attribute', at: nameStart, object, name };
      }
    } else if (tokens.is('[')) {
      tokens.advance();
      if (!tokens.is('string')) {
        throw tokens.unexpected('an attribute in quotes', 'sets have no elements by number');
      }
      const nameStart = tokens.start;
      const name = takeString(tokens);
      tokens.expect(']');
      tokens.countNode(depth, at);
      object = { kind: 'attribute', at: nameStart, object, name };
    } else if (tokens.is('(')) {
      throw new SyntaxFailure(
        'only a name can be called',
        tokens.start,
        tokens.end,
        'a call is `name(…)` or `value.method(…)`',
      );
    } else return object;
  }
}

function parseMethodCall(tokens: TokenStream, receiver: Expr, name: string, at: number): Expr {
  const nameEnd = tokens.behind;
  const receiverDepth = tokens.depth;
  const args = parseList(tokens, '(', ')');
  tokens.countNode(Math.max(receiverDepth, tokens.depth), at);
  const call = findCall(name);
  if (call === undefined) {
    tokens.report(
      `there is no method \`${name}\``,
      at,
      nameEnd,
      suggest(name, callNames('method')),
    );
    return receiver;
  }
  if (call.style === 'function') {
    tokens.report(`\`${name}\` is a function, not a method`, at, nameEnd, `write \`${name}(…)\``);
    return receiver;
  }
  if (call.arity !== undefined && call.arity !== args.length) {
    tokens.report(
      `\`${name}\` takes ${call.arity === 1 ? '1 argument' : 'no arguments'}, found ${args.length}`,
      at,
      tokens.behind,
    );
  }
  return { kind: 'call', at, name: call.name, args: [receiver, ...args] };
}

function parsePrimary(tokens: TokenStream): Expr {
  const { kind, start: at } = tokens;
  switch (kind) {
    case 'identifier':
      return parseNamed(tokens);
    case 'string': {
      const value = takeString(tokens);
      return literalAt(tokens, at, value);
    }
    case 'number': {
      const { written, end } = tokens;
      tokens.advance();
      return literalAt(tokens, at, toLong(tokens, written, false, at, end));
    }
    case '(': {
      tokens.advance();
      const inner = parseExpression(tokens);
      tokens.expect(')');
      return inner;
    }
    case '[': {
      const elements = parseList(tokens, '[', ']');
      tokens.countNode(tokens.depth, at);
      return { kind: 'set', at, elements };
    }
    case '{':
      return parseRecord(tokens);
    case 'slot':
      throw new SyntaxFailure(
        `\`${tokens.written}\` may stand only in the scope of a template`,
        at,
        tokens.end,
      );
    default:
      throw tokens.unexpected('an expression');
  }
}

function literalAt(
  tokens: TokenStream,
  at: number,
  value: boolean | string | number | bigint | EntityUid,
): Expr {
  tokens.countNode(0, at);
  return { kind: 'literal', at, value };
}

/** What begins with a word: a variable, a truth value, an entity or a call. */
function parseNamed(tokens: TokenStream): Expr {
  const { start: at, end } = tokens;
  const word = tokens.written;
  if (word === 'if') {
    throw tokens.unexpected('an operand', 'put the whole `if` in parentheses');
  }
  tokens.advance();
  if (!tokens.is('::')) {
    if (word === 'true') return literalAt(tokens, at, true);
    if (word === 'false') return literalAt(tokens, at, false);
    if (isVariable(word)) return variableAt(tokens, at, word);
    if (tokens.is('(')) return parseFunctionCall(tokens, word, at);
    if (isReserved(word)) {
      throw new SyntaxFailure(`expected an expression, found \`${word}\``, at, end);
    }
    tokens.report(`there is no variable \`${word}\``, at, end, suggestVariable(tokens, word));
    return variableAt(tokens, at, 'context');
  }
  const name = [word, ...takePath(tokens)];
  if (tokens.is('::')) return literalAt(tokens, at, takeEntity(tokens, name, at));
  if (tokens.is('(')) return parseFunctionCall(tokens, name.join('::'), at);
  throw tokens.unexpected('`::` and an id in quotes', `an entity is \`${name.join('::')}::"id"\``);
}

function variableAt(tokens: TokenStream, at: number, name: Variable): Expr {
  tokens.countNode(0, at);
  return { kind: 'variable', at, name };
}

function suggestVariable(tokens: TokenStream, word: string): string | undefined {
  if (tokens.is('string') || tokens.is(':')) return `an entity is \`${word}::"id"\``;
  return hintFor(word) ?? suggest(word, [...VARIABLES, 'true', 'false', 'if']);
}

function parseFunctionCall(tokens: TokenStream, name: string, at: number): Expr {
  const nameEnd = tokens.behind;
  const args = parseList(tokens, '(', ')');
  tokens.countNode(tokens.depth, at);
  const call = findCall(name);
  if (call?.style === 'function') return { kind: 'call', at, name: call.name, args };
  if (call === undefined) {
    tokens.report(
      `there is no function \`${name}\``,
      at,
      nameEnd,
      suggest(name, callNames('function')),
    );
  } else {
    tokens.report(
      `\`${name}\` is a method, not a function`,
      at,
      nameEnd,
      `write \`value.${name}(…)\``,
    );
  }
  return { kind: 'set', at, elements: args };
}

/** Expressions between brackets, with commas between them and maybe one behind the last. */
function parseList(tokens: TokenStream, open: '(' | '[', close: ')' | ']'): Expr[] {
  tokens.expect(open);
  const items: Expr[] = [];
  let depth = 0;
  while (!tokens.is(close)) {
    items.push(parseExpression(tokens));
    depth = Math.max(depth, tokens.depth);
    if (!tokens.take(',')) break;
  }
  tokens.expect(close, `\`,\` or \`${close}\``);
  tokens.depth = depth;
  return items;
}

function parseRecord(tokens: TokenStream): Expr {
  const at = tokens.start;
  tokens.advance();
  const members: [string, Expr][] = [];
  const names = new Set<string>();
  let depth = 0;
  while (!tokens.is('}')) {
    const { start, end } = tokens;
    const name = tokens.is('string')
      ? takeString(tokens)
      : takeAttributeName(tokens, 'a member’s name');
    if (names.has(name)) {
      tokens.report(`the record has \`${name}\` twice`, start, end);
    }
    names.add(name);
    tokens.expect(':');
    members.push([name, parseExpression(tokens)]);
    depth = Math.max(depth, tokens.depth);
    if (!tokens.take(',')) break;
  }
  tokens.expect('}', '`,` or `}`');
  tokens.countNode(depth, at);
  return { kind: 'record', at, members };
}

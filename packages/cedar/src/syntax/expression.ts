/**
 * Expressions, one function per level of Cedar's grammar from the loosest binding to the tightest; below
 * them are operands (`operand.ts`). docs.cedarpolicy.com/policies/syntax-grammar.html
 */
import type { BinaryOperator, Expr } from '../ast.ts';
import { SyntaxFailure } from './error.ts';
import { unescapePattern } from './escape.ts';
import { parseNegative, parseOperand } from './operand.ts';
import type { TokenStream } from './stream.ts';
import { takeAttributeName, takeString, takeTypeName } from './words.ts';

/** `if a then b else c`, or what has none outside of brackets. */
export function parseExpression(tokens: TokenStream): Expr {
  tokens.enter();
  const expression = tokens.isWord('if') ? parseIf(tokens) : parseOr(tokens);
  tokens.leave();
  return expression;
}

function parseIf(tokens: TokenStream): Expr {
  const at = tokens.start;
  tokens.advance();
  const test = parseExpression(tokens);
  let depth = tokens.depth;
  if (!tokens.takeWord('then')) throw tokens.unexpected('`then`');
  const consequent = parseExpression(tokens);
  depth = Math.max(depth, tokens.depth);
  if (!tokens.takeWord('else')) {
    throw tokens.unexpected('`else`', 'every `if` needs its `else`');
  }
  const alternate = parseExpression(tokens);
  tokens.countNode(Math.max(depth, tokens.depth), at);
  return { kind: 'if', at, test, consequent, alternate };
}

function parseOr(tokens: TokenStream): Expr {
  let left = parseAnd(tokens);
  while (tokens.is('||')) left = parseBinary(tokens, left, '||', parseAnd);
  return left;
}

function parseAnd(tokens: TokenStream): Expr {
  let left = parseRelation(tokens);
  while (tokens.is('&&')) left = parseBinary(tokens, left, '&&', parseRelation);
  return left;
}

function parseBinary(
  tokens: TokenStream,
  left: Expr,
  operator: BinaryOperator,
  parseRight: (tokens: TokenStream) => Expr,
): Expr {
  const at = tokens.start;
  const leftDepth = tokens.depth;
  tokens.advance();
  const right = parseRight(tokens);
  tokens.countNode(Math.max(leftDepth, tokens.depth), at);
  return { kind: 'binary', at, operator, left, right };
}

/** Comparisons do not associate: `a < b < c` and `a == b == c` need brackets. */
function parseRelation(tokens: TokenStream): Expr {
  const left = parseSum(tokens);
  if (tokens.is('identifier')) {
    const operator = relationWord(tokens);
    if (operator === undefined) return left;
    if (operator === 'has') return parseHas(tokens, left);
    if (operator === 'like') return parseLike(tokens, left);
    if (operator === 'is') return parseIs(tokens, left);
  }
  const operator = comparisonAt(tokens);
  if (operator === undefined) return left;
  const relation = parseBinary(tokens, left, operator, parseSum);
  if (comparisonAt(tokens) !== undefined) {
    throw new SyntaxFailure(
      'comparisons cannot be chained',
      tokens.start,
      tokens.end,
      'put one of them in parentheses, or join two with `&&`',
    );
  }
  return relation;
}

function relationWord(tokens: TokenStream): 'has' | 'like' | 'is' | 'in' | undefined {
  const word = tokens.written;
  return word === 'in' || word === 'has' || word === 'like' || word === 'is' ? word : undefined;
}

function comparisonAt(tokens: TokenStream): BinaryOperator | undefined {
  switch (tokens.kind) {
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return tokens.kind;
    case 'identifier':
      return tokens.isWord('in') ? 'in' : undefined;
    case '=':
      throw tokens.unexpected('an operator');
    default:
      return undefined;
  }
}

function parseHas(tokens: TokenStream, object: Expr): Expr {
  const at = tokens.start;
  const { depth } = tokens;
  tokens.advance();
  const path: string[] = [];
  if (tokens.is('string')) {
    path.push(takeString(tokens));
  } else {
    path.push(takeAttributeName(tokens, 'an attribute after `has`'));
    while (tokens.take('.')) {
      path.push(takeAttributeName(tokens, 'an attribute'));
      tokens.countNode(depth, at);
    }
  }
  tokens.countNode(depth, at);
  return { kind: 'has', at, object, path };
}

function parseLike(tokens: TokenStream, operand: Expr): Expr {
  const at = tokens.start;
  const { depth } = tokens;
  tokens.advance();
  if (!tokens.is('string')) throw tokens.unexpected('a pattern in quotes after `like`');
  let pattern: readonly string[] = [''];
  try {
    pattern = unescapePattern(tokens.text, tokens.start + 1, tokens.end - 1);
  } catch (failure) {
    tokens.reportFailure(failure);
  }
  tokens.advance();
  tokens.countNode(depth, at);
  return { kind: 'like', at, operand, pattern };
}

function parseIs(tokens: TokenStream, operand: Expr): Expr {
  const at = tokens.start;
  const { depth } = tokens;
  tokens.advance();
  const type = takeTypeName(tokens);
  if (!tokens.takeWord('in')) {
    tokens.countNode(depth, at);
    return { kind: 'is', at, operand, type };
  }
  const entity = parseSum(tokens);
  tokens.countNode(Math.max(depth, tokens.depth), at);
  return { kind: 'is', at, operand, type, in: entity };
}

function parseSum(tokens: TokenStream): Expr {
  let left = parseProduct(tokens);
  while (tokens.is('+') || tokens.is('-')) {
    left = parseBinary(tokens, left, tokens.is('+') ? '+' : '-', parseProduct);
  }
  return left;
}

function parseProduct(tokens: TokenStream): Expr {
  let left = parseUnary(tokens);
  for (;;) {
    if (tokens.is('/') || tokens.is('%')) {
      throw new SyntaxFailure(
        tokens.is('/') ? 'Cedar has no division' : 'Cedar has no remainder',
        tokens.start,
        tokens.end,
      );
    }
    if (!tokens.is('*')) return left;
    left = parseBinary(tokens, left, '*', parseUnary);
  }
}

/** Cedar's grammar allows so many of one sign, and does not mix the two. */
const SIGNS_MAX = 4;

function parseUnary(tokens: TokenStream): Expr {
  const sign = tokens.kind;
  if (sign !== '!' && sign !== '-') return parseOperand(tokens);
  const places: number[] = [];
  const start = tokens.start;
  while (tokens.is(sign)) {
    // All of them are skipped and the surplus is reported once; the memory stays bounded.
    if (places.length <= SIGNS_MAX) places.push(tokens.start);
    tokens.advance();
  }
  if (places.length > SIGNS_MAX) {
    tokens.report(`more than ${SIGNS_MAX} \`${sign}\` in a row`, start, tokens.behind);
    places.length = SIGNS_MAX;
  }
  let operand: Expr;
  if (sign === '-' && tokens.is('number')) {
    operand = parseNegative(tokens, places);
  } else {
    operand = parseOperand(tokens);
  }
  for (const at of places.reverse()) {
    tokens.countNode(tokens.depth, at);
    operand = { kind: sign === '!' ? 'not' : 'negate', at, operand };
  }
  return operand;
}

/** Policies: annotations, scope and conditions around the expressions. */
import type {
  ActionScope,
  Condition,
  Effect,
  Expr,
  Policy,
  PrincipalScope,
  ResourceScope,
} from '../ast.ts';
import { EntityUid } from '../value.ts';
import { locateError, type ParseError, SyntaxFailure } from './error.ts';
import { parseExpression } from './expression.ts';
import { lowerLimits, type ParseLimits } from './limits.ts';
import { TokenStream } from './stream.ts';
import { hintFor, suggest } from './suggest.ts';
import { takeEntity, takeName, takeString, takeTypeName } from './words.ts';

/** Policies and templates in the order of the text; or everything that is wrong with it, and no policy. */
export type ParsedPolicies =
  | { readonly ok: true; readonly policies: readonly Policy[] }
  | { readonly ok: false; readonly errors: readonly ParseError[] };

export type ParsedExpr =
  | { readonly ok: true; readonly expr: Expr }
  | { readonly ok: false; readonly errors: readonly ParseError[] };

/**
 * Cedar text to its policies. A wrong policy does not hide what is wrong with the next one, but no policy
 * of a text with an error is returned: without one of its forbids a set allows more than it says.
 * Limits can be lowered (`ParseLimits`). Throws nothing.
 */
export function parsePolicies(text: string, limits?: Partial<ParseLimits>): ParsedPolicies {
  const bounds = lowerLimits(limits);
  const refused = refuseText(text, bounds);
  if (refused !== undefined) return { ok: false, errors: [refused] };
  const tokens = new TokenStream(text, bounds);
  const policies: Policy[] = [];
  let count = 0;
  while (!tokens.is('end') && !tokens.isFull) {
    if (++count > bounds.policiesMax) {
      tokens.report(`more than ${bounds.policiesMax} policies`, tokens.start, tokens.end);
      break;
    }
    try {
      tokens.resetCounters();
      policies.push(parsePolicy(tokens));
    } catch (failure) {
      tokens.reportFailure(failure);
      skipPolicy(tokens);
    }
  }
  const { errors } = tokens;
  return errors.length === 0 ? { ok: true, policies } : { ok: false, errors };
}

/** One expression and nothing else. Throws nothing. */
export function parseExpr(text: string, limits?: Partial<ParseLimits>): ParsedExpr {
  const bounds = lowerLimits(limits);
  const refused = refuseText(text, bounds);
  if (refused !== undefined) return { ok: false, errors: [refused] };
  const tokens = new TokenStream(text, bounds);
  try {
    const expr = parseExpression(tokens);
    if (!tokens.is('end')) throw tokens.unexpected('an operator or the end of the text');
    if (tokens.errors.length === 0) return { ok: true, expr };
  } catch (failure) {
    tokens.reportFailure(failure);
  }
  return { ok: false, errors: tokens.errors };
}

function refuseText(text: string, { textLengthMax }: ParseLimits): ParseError | undefined {
  if (text.length > textLengthMax) {
    return locateError(text, `the text is longer than ${textLengthMax}`, 0, 0);
  }
  // Half a surrogate pair has no UTF-8: two places would hash the same policy differently.
  if (text.isWellFormed()) return undefined;
  const at = text.search(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/);
  return locateError(text, 'the text has half a surrogate pair', at, at + 1);
}

/** To behind a semicolon that a policy follows: the one that was found wrong may hold others. */
function skipPolicy(tokens: TokenStream): void {
  while (!tokens.is('end')) {
    const isSemicolon = tokens.is(';');
    tokens.advance();
    if (isSemicolon && (tokens.is('@') || tokens.isWord('permit') || tokens.isWord('forbid')))
      return;
  }
}

function parsePolicy(tokens: TokenStream): Policy {
  const { start } = tokens;
  const annotations = parseAnnotations(tokens);
  const effect = takeEffect(tokens);
  tokens.expect('(');
  const principal = parseEntityScope(tokens, 'principal') as PrincipalScope;
  takeSeparator(tokens, 'action');
  const action = parseActionScope(tokens);
  takeSeparator(tokens, 'resource');
  const resource = parseEntityScope(tokens, 'resource') as ResourceScope;
  tokens.take(',');
  if (tokens.is('identifier')) {
    throw tokens.unexpected('`)`', 'a scope has principal, action and resource');
  }
  tokens.expect(')');
  const conditions: Condition[] = [];
  while (tokens.is('identifier')) conditions.push(parseCondition(tokens));
  tokens.expect(
    ';',
    conditions.length === 0 ? '`;`, `when` or `unless`' : '`;`',
    'a policy ends with a semicolon',
  );
  return {
    effect,
    annotations,
    principal,
    action,
    resource,
    conditions,
    start,
    end: tokens.behind,
  };
}

function parseAnnotations(tokens: TokenStream): ReadonlyMap<string, string | null> {
  const annotations = new Map<string, string | null>();
  while (tokens.take('@')) {
    if (!tokens.is('identifier')) throw tokens.unexpected('the name of an annotation');
    const { written: name, start, end } = tokens;
    tokens.advance();
    let value: string | null = null;
    if (tokens.take('(')) {
      if (!tokens.is('string')) {
        throw tokens.unexpected('a string', 'without a value leave the parentheses out');
      }
      value = takeString(tokens);
      tokens.expect(')');
    }
    if (annotations.has(name))
      tokens.report(`the annotation \`@${name}\` is there twice`, start, end);
    annotations.set(name, value);
  }
  return annotations;
}

function takeEffect(tokens: TokenStream): Effect {
  const word = tokens.is('identifier') ? tokens.written : '';
  if (word !== 'permit' && word !== 'forbid') {
    throw tokens.unexpected('`permit` or `forbid`', suggest(word, ['permit', 'forbid']));
  }
  tokens.advance();
  return word;
}

function takeSeparator(tokens: TokenStream, next: string): void {
  if (tokens.is(')')) throw tokens.unexpected(`\`,\` and \`${next}\``);
  tokens.expect(',');
}

type SlotName = 'principal' | 'resource';

function takeVariable(tokens: TokenStream, name: SlotName | 'action'): void {
  if (!tokens.isWord(name)) {
    const written = tokens.is('identifier') ? tokens.written : '';
    const isOther = ['principal', 'action', 'resource'].includes(written);
    throw tokens.unexpected(
      `\`${name}\``,
      isOther ? 'the order is principal, action, resource' : suggest(written, [name]),
    );
  }
  tokens.advance();
  if (tokens.is(':')) {
    throw tokens.unexpected('an operator', `a type is tested with \`${name} is Type\``);
  }
}

/** One shape for both variables; a slot of the other one is refused when it is read. */
function parseEntityScope(tokens: TokenStream, name: SlotName): PrincipalScope | ResourceScope {
  takeVariable(tokens, name);
  if (tokens.takeWord('is')) {
    const type = takeTypeName(tokens);
    if (tokens.is('==')) throw tokens.unexpected('`in`', '`is` and `==` do not go together');
    if (!tokens.takeWord('in')) return { kind: 'is', type };
    return { kind: 'is-in', type, entity: parseEntityOrSlot(tokens, name) } as PrincipalScope;
  }
  const kind = takeScopeOperator(tokens);
  if (kind === undefined) return { kind: 'any' };
  return { kind, entity: parseEntityOrSlot(tokens, name) } as PrincipalScope;
}

function takeScopeOperator(tokens: TokenStream): 'eq' | 'in' | undefined {
  if (tokens.take('==')) return 'eq';
  if (tokens.takeWord('in')) return 'in';
  if (tokens.is(',') || tokens.is(')')) return undefined;
  throw tokens.unexpected(
    '`==`, `in` or `,`',
    hintFor(tokens.written) ?? 'everything else is a condition: `when { … }`',
  );
}

function parseEntityOrSlot(tokens: TokenStream, name: SlotName): EntityUid | `?${SlotName}` {
  const slot = `?${name}` as const;
  return parseParenthesized(tokens, () => {
    if (tokens.is('[')) {
      throw tokens.unexpected('an entity', 'only `action` may be in one of several');
    }
    if (!tokens.is('slot')) return parseEntity(tokens);
    if (tokens.written !== slot) throw tokens.unexpected(`an entity or \`${slot}\``);
    tokens.advance();
    return slot;
  });
}

function parseActionScope(tokens: TokenStream): ActionScope {
  takeVariable(tokens, 'action');
  if (tokens.isWord('is')) {
    throw tokens.unexpected('`==`, `in` or `,`', 'actions are not told apart by type');
  }
  const kind = takeScopeOperator(tokens);
  if (kind === undefined) return { kind: 'any' };
  const operand = parseParenthesized(tokens, () => parseActions(tokens));
  if (kind === 'in') {
    return { kind, entities: operand instanceof EntityUid ? [operand] : operand };
  }
  if (operand instanceof EntityUid) return { kind, entity: operand };
  throw new SyntaxFailure(
    'one action was expected behind `==`, found a list',
    tokens.start,
    tokens.end,
    'write `action in […]`',
  );
}

function parseActions(tokens: TokenStream): EntityUid | EntityUid[] {
  if (!tokens.is('[')) return parseAction(tokens);
  tokens.advance();
  const actions: EntityUid[] = [];
  while (!tokens.is(']')) {
    actions.push(parseParenthesized(tokens, () => parseAction(tokens)));
    tokens.countNode(0, tokens.start);
    if (!tokens.take(',')) break;
  }
  tokens.expect(']', '`,` or `]`');
  return actions;
}

function parseAction(tokens: TokenStream): EntityUid {
  if (tokens.is('slot')) throw tokens.unexpected('an action', 'actions have no slots');
  const { start } = tokens;
  const entity = parseEntity(tokens);
  if (entity.type !== 'Action' && !entity.type.endsWith('::Action')) {
    tokens.report(
      `an entity of type \`Action\` was expected, found one of \`${entity.type}\``,
      start,
      tokens.behind,
      `an action is \`Action::"…"\``,
    );
  }
  return entity;
}

function parseEntity(tokens: TokenStream): EntityUid {
  const { start } = tokens;
  if (!tokens.is('identifier')) throw tokens.unexpected('an entity', 'one is `Type::"id"`');
  const name = takeName(tokens);
  if (!tokens.is('::')) {
    throw tokens.unexpected(
      '`::` and an id in quotes',
      `an entity is \`${name.join('::')}::"id"\``,
    );
  }
  return takeEntity(tokens, name, start);
}

/** Cedar lets parentheses stand around what a scope names. */
function parseParenthesized<T>(tokens: TokenStream, parse: () => T): T {
  tokens.enter();
  let parsed: T;
  if (tokens.take('(')) {
    parsed = parseParenthesized(tokens, parse);
    tokens.expect(')');
  } else parsed = parse();
  tokens.leave();
  return parsed;
}

function parseCondition(tokens: TokenStream): Condition {
  const kind = tokens.written;
  if (kind !== 'when' && kind !== 'unless') {
    const hint =
      kind === 'permit' || kind === 'forbid'
        ? 'a policy ends with a semicolon'
        : suggest(kind, ['when', 'unless']);
    throw tokens.unexpected('`when`, `unless` or `;`', hint);
  }
  tokens.advance();
  tokens.expect('{');
  if (tokens.is('}')) throw tokens.unexpected('an expression');
  const body = parseExpression(tokens);
  tokens.expect('}', 'an operator or `}`');
  return { kind, body };
}

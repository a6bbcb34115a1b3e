/**
 * The smallest exception that lets one logged decision through: the same principal, the same actions on the
 * same resources, the same statement, until a day. To a forbid it is an `unless`, where nothing permits it a
 * permit. Proposed as text and never put in force here. Pure.
 */
import { EntityUid, type Expr, parsePolicies, printExpr } from '@sealrail/cedar';
import {
  type Action,
  type DecisionEntry,
  judgeAgain,
  type Part,
  type PolicyFile,
  type PolicySet,
} from '@sealrail/sdk';

export interface Exception {
  /** The files as they were and as they would be; a new one was ''. */
  readonly changes: readonly FileChange[];
  readonly files: readonly PolicyFile[];
  /** Policies that get an exception, or that are one. */
  readonly policies: readonly string[];
}

export interface FileChange {
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

export interface ExceptionOptions {
  readonly entry: DecisionEntry;
  readonly action: Action;
  readonly files: readonly PolicyFile[];
  readonly load: (files: readonly PolicyFile[]) => PolicySet;
  /** RFC 3339 in UTC, to the second: until when it holds. */
  readonly until: string;
  /** Path of the file for a new permit. */
  readonly newFile: string;
}

/** A forbid may be behind another, and no permit behind both. */
const ROUNDS_MAX = 8;

/** The exception, or why none can help. Throws what `load` throws. */
export function proposeException(options: ExceptionOptions): Exception | string {
  const { entry, action, load } = options;
  const before = options.files;
  let files = before;
  const policies: string[] = [];
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const set = load(files);
    const decision = judgeAgain(set, entry.decision, entry.time, action);
    set.close();
    if (decision.verdict === 'allow') {
      if (round === 0) return 'the policies in force allow this already';
      return { changes: changesOf(before, files), files, policies };
    }
    const { code, parts, determining } = decision;
    if (code === 'forbidden' || code === 'needs-approval') {
      // An exception that did not help once does not help twice.
      const next = determining.filter((id) => !policies.includes(id));
      if (next.length === 0) return `an exception to ${determining.join(', ')} changes nothing`;
      for (const id of next) files = exceptForbid(files, id, exceptionOf(options, parts, id));
      policies.push(...next);
    } else if (code === 'no-permit') {
      const made = permitsOf(options, parts);
      if (made.ids.every((id) => policies.includes(id))) return 'a permit for it changes nothing';
      files = [...files, { name: options.newFile, text: made.text }];
      policies.push(...made.ids);
    } else return `no exception can help: it is ${code}`;
  }
  return 'too many policies stop this to except it from';
}

/** What has to be the same for the exception to hold, on the requests that this forbid stops. */
function exceptionOf(options: ExceptionOptions, parts: readonly Part[], id: string): Expr {
  const stopped = parts.filter(({ forbids }) => forbids.includes(id));
  const uses = stopped.flatMap(({ request }) => options.action.requests[request] ?? []);
  const pairs = uses.map(({ action, resource }) =>
    both(same('action', new EntityUid('Action', action)), same('resource', resource)),
  );
  const [first, ...others] = pairs;
  if (first === undefined) throw new Error(`the policy ${id} stops no request`);
  const principal = options.action.requests[0]?.principal ?? new EntityUid('', '');
  const where = others.reduce((left, right) => binary('||', left, right), first);
  return both(both(same('principal', principal), where), conditionOf(options));
}

/** The same statement, or the same change, before the day. */
function conditionOf({ action, until }: ExceptionOptions): Expr {
  const context = action.requests[0]?.context ?? {};
  const now = member(member(variable('context'), 'meta'), 'now');
  const day: Expr = { kind: 'call', name: 'datetime', args: [literal(until)], at: 0 };
  const expires = binary('<', now, day);
  for (const [surface, name] of [
    ['sql', 'template'],
    ['change', 'digest'],
  ] as const) {
    const facts = Object.hasOwn(context, surface) ? context[surface] : undefined;
    const value = typeof facts === 'object' && name in facts ? facts[name as never] : undefined;
    if (typeof value !== 'string') continue;
    return both(
      binary('==', member(member(variable('context'), surface), name), literal(value)),
      expires,
    );
  }
  return expires;
}

/** `unless { … }` behind what the policy already asks, before its semicolon; the rest of the file stays. */
function exceptForbid(files: readonly PolicyFile[], id: string, exception: Expr): PolicyFile[] {
  const clause = `\nunless {\n${conjuncts(exception)
    .map((one) => `  ${printOperand(one)}`)
    .join(' &&\n')}\n}`;
  return files.map((file) => {
    const parsed = parsePolicies(file.text);
    const policy = parsed.ok
      ? parsed.policies.find(({ annotations }) => annotations.get('id') === id)
      : undefined;
    if (policy === undefined) return file;
    const at = policy.end - 1;
    return { ...file, text: file.text.slice(0, at) + clause + file.text.slice(at) };
  });
}

function permitsOf(options: ExceptionOptions, parts: readonly Part[]) {
  const { entry, action, until } = options;
  const stopped = parts.filter(({ permits, code }) => code === 'no-permit' && permits.length === 0);
  const day = until.slice(0, 10);
  const made = stopped.flatMap(({ request }, at) => {
    const asked = action.requests[request];
    if (asked === undefined) return [];
    const id = `exception-${entry.id.slice(0, 8)}${entry.id.slice(9, 13)}-${at + 1}`;
    const lines = [
      `@id("${id}")`,
      '@severity("info")',
      `@message("an exception from decision ${entry.id}, until ${day}")`,
      '@hint("ask for a permit that stays")',
      'permit (',
      `  ${printExpr(same('principal', asked.principal))},`,
      `  ${printExpr(same('action', new EntityUid('Action', asked.action)))},`,
      `  ${printExpr(same('resource', asked.resource))}`,
      ')',
      `when {\n${conjuncts(conditionOf(options))
        .map((one) => `  ${printExpr(one)}`)
        .join(' &&\n')}\n};`,
    ];
    return [{ id, text: lines.join('\n') }];
  });
  return { ids: made.map(({ id }) => id), text: `${made.map(({ text }) => text).join('\n\n')}\n` };
}

const changesOf = (before: readonly PolicyFile[], after: readonly PolicyFile[]): FileChange[] =>
  after.flatMap(({ name, text }) => {
    const was = before.find((file) => file.name === name)?.text ?? '';
    return was === text ? [] : [{ name, before: was, after: text }];
  });

// -------------------------------------------------------------- expressions

const variable = (name: 'principal' | 'action' | 'resource' | 'context'): Expr => ({
  kind: 'variable',
  name,
  at: 0,
});
const literal = (value: string | EntityUid): Expr => ({ kind: 'literal', value, at: 0 });
const member = (object: Expr, name: string): Expr => ({ kind: 'attribute', object, name, at: 0 });
const binary = (operator: '==' | '<' | '&&' | '||', left: Expr, right: Expr): Expr => ({
  kind: 'binary',
  operator,
  left,
  right,
  at: 0,
});
const both = (left: Expr, right: Expr): Expr => binary('&&', left, right);
const same = (name: 'principal' | 'action' | 'resource', uid: EntityUid): Expr =>
  binary('==', variable(name), literal(uid));

function conjuncts(expr: Expr): readonly Expr[] {
  if (expr.kind !== 'binary' || expr.operator !== '&&') return [expr];
  return [...conjuncts(expr.left), ...conjuncts(expr.right)];
}

/** Within a chain of `&&`. */
const printOperand = (expr: Expr): string =>
  expr.kind === 'binary' && expr.operator === '||' ? `(${printExpr(expr)})` : printExpr(expr);

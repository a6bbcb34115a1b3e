import type { ActionScope, Expr, Pattern, Policy, PrincipalScope, ResourceScope } from '../ast.ts';
import { findCall } from '../syntax/names.ts';
import { foldSpine } from '../syntax/spine.ts';
import { EntityUid } from '../value.ts';
import type { Json } from './json.ts';
import type {
  JsonActionScope,
  JsonEntityOrSlot,
  JsonExpr,
  JsonPolicy,
  JsonScope,
  JsonUid,
} from './policy-json.ts';

/**
 * A policy or a template in Cedar's JSON form. Integers past 2^53 are bigints: write the result with
 * `stringifyJson`, since `JSON.stringify` cannot.
 */
export function policyToJson(policy: Policy): JsonPolicy {
  const { effect, annotations } = policy;
  const json: JsonPolicy = {
    effect,
    principal: scopeToJson(policy.principal),
    action: actionScopeToJson(policy.action),
    resource: scopeToJson(policy.resource),
    conditions: policy.conditions.map(({ kind, body }) => ({ kind, body: exprToJson(body) })),
  };
  return annotations.size === 0 ? json : { ...json, annotations: Object.fromEntries(annotations) };
}

function scopeToJson(scope: PrincipalScope | ResourceScope): JsonScope {
  switch (scope.kind) {
    case 'any':
      return { op: 'All' };
    case 'eq':
      return { op: '==', ...entityOrSlotToJson(scope.entity) };
    case 'in':
      return { op: 'in', ...entityOrSlotToJson(scope.entity) };
    case 'is':
      return { op: 'is', entity_type: scope.type };
    case 'is-in':
      return { op: 'is', entity_type: scope.type, in: entityOrSlotToJson(scope.entity) };
  }
}

const uidToJson = ({ type, id }: EntityUid): JsonUid => ({ type, id });

const entityOrSlotToJson = (entity: EntityUid | string): JsonEntityOrSlot =>
  typeof entity === 'string' ? { slot: entity } : { entity: uidToJson(entity) };

function actionScopeToJson(scope: ActionScope): JsonActionScope {
  switch (scope.kind) {
    case 'any':
      return { op: 'All' };
    case 'eq':
      return { op: '==', entity: uidToJson(scope.entity) };
    case 'in':
      return scope.entities.length === 1
        ? { op: 'in', entity: uidToJson(scope.entities[0]!) }
        : { op: 'in', entities: scope.entities.map(uidToJson) };
  }
}

const exprToJson = (expr: Expr): JsonExpr => foldSpine(expr, innermostToJson, aroundToJson);

/** What has nothing before its operator. */
function innermostToJson(expr: Expr): JsonExpr {
  switch (expr.kind) {
    case 'literal': {
      const { value } = expr;
      if (!(value instanceof EntityUid)) return { Value: value };
      return { Value: { __entity: { type: value.type, id: value.id } } };
    }
    case 'variable':
      return { Var: expr.name };
    case 'not':
      return { '!': { arg: exprToJson(expr.operand) } };
    case 'negate':
      return { neg: { arg: exprToJson(expr.operand) } };
    case 'if':
      return {
        // From entries, because an object literal with a `then` looks like a promise to a linter.
        'if-then-else': Object.fromEntries([
          ['if', exprToJson(expr.test)],
          ['then', exprToJson(expr.consequent)],
          ['else', exprToJson(expr.alternate)],
        ]),
      };
    case 'set':
      return { Set: expr.elements.map(exprToJson) };
    case 'record':
      return {
        Record: Object.fromEntries(expr.members.map(([name, value]) => [name, exprToJson(value)])),
      };
    case 'call':
      return { [expr.name]: expr.args.map(exprToJson) };
    default:
      throw new Error(`${expr.kind} has a first operand`);
  }
}

function aroundToJson(left: JsonExpr, expr: Expr): JsonExpr {
  switch (expr.kind) {
    case 'binary':
      return { [expr.operator]: { left, right: exprToJson(expr.right) } };
    case 'attribute':
      return { '.': { left, attr: expr.name } };
    case 'has':
      return { has: { left, attr: pathToJson(expr.path) } };
    case 'like':
      return { like: { left, pattern: patternToJson(expr.pattern) } };
    case 'is': {
      const is = { left, entity_type: expr.type };
      return { is: expr.in === undefined ? is : { ...is, in: exprToJson(expr.in) } };
    }
    case 'call':
      return methodToJson(left, expr);
    default:
      throw new Error(`${expr.kind} has no first operand`);
  }
}

const pathToJson = (path: readonly string[]): Json => (path.length === 1 ? path[0]! : path);

/** One literal a character, as Cedar writes it. */
function patternToJson(pattern: Pattern): Json {
  return pattern.flatMap((piece, index): Json[] => {
    const literals = [...piece].map((char) => ({ Literal: char }));
    return index === 0 ? literals : ['Wildcard', ...literals];
  });
}

/** Built-in methods name their operands; those of extension types list them. */
function methodToJson(receiver: JsonExpr, { name, args }: Expr & { kind: 'call' }): JsonExpr {
  const [right, ...others] = args.slice(1).map(exprToJson);
  if (findCall(name)?.arity === undefined) {
    return { [name]: right === undefined ? [receiver] : [receiver, right, ...others] };
  }
  return { [name]: right === undefined ? { arg: receiver } : { left: receiver, right } };
}

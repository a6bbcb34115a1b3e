import type { ActionScope, Expr, Pattern, Policy, PrincipalScope, ResourceScope } from '../ast.ts';
import { findCall } from '../syntax/names.ts';
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

function exprToJson(expr: Expr): JsonExpr {
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
    case 'binary':
      return { [expr.operator]: { left: exprToJson(expr.left), right: exprToJson(expr.right) } };
    case 'if':
      return {
        // From entries, because an object literal with a `then` looks like a promise to a linter.
        'if-then-else': Object.fromEntries([
          ['if', exprToJson(expr.test)],
          ['then', exprToJson(expr.consequent)],
          ['else', exprToJson(expr.alternate)],
        ]),
      };
    case 'attribute':
      return { '.': { left: exprToJson(expr.object), attr: expr.name } };
    case 'has':
      return { has: { left: exprToJson(expr.object), attr: pathToJson(expr.path) } };
    case 'like':
      return { like: { left: exprToJson(expr.operand), pattern: patternToJson(expr.pattern) } };
    case 'is': {
      const is = { left: exprToJson(expr.operand), entity_type: expr.type };
      return { is: expr.in === undefined ? is : { ...is, in: exprToJson(expr.in) } };
    }
    case 'set':
      return { Set: expr.elements.map(exprToJson) };
    case 'record':
      return {
        Record: Object.fromEntries(expr.members.map(([name, value]) => [name, exprToJson(value)])),
      };
    case 'call':
      return callToJson(expr);
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

/** Built-in methods name their operands; functions and methods of extension types list them. */
function callToJson({ name, args }: Expr & { readonly kind: 'call' }): JsonExpr {
  const operands = args.map(exprToJson);
  const arity = findCall(name)?.arity;
  if (arity === undefined) return { [name]: operands };
  const [left, right] = operands;
  return { [name]: right === undefined ? { arg: left! } : { left: left!, right } };
}

/** One policy as compiled: its scope, which cannot err, and its conditions, which can. */
import type { ActionScope, Condition, Policy, PrincipalScope, ResourceScope } from '../ast.ts';
import type { EntityNode } from '../entities/entity-node.ts';
import { equalUids } from '../entities/uid-map.ts';
import type { EntityUid } from '../value.ts';
import { asTest } from './compiler.ts';
import { CedarError } from './error.ts';
import type { Evaluation, Test } from './evaluation.ts';
import { chainOf, conjunction, negation, openCompiler } from './expression.ts';
import { isIn, isInAny } from './hierarchy.ts';

export interface CompiledPolicy {
  readonly id: string;
  /** Its place in the set, by which answers are ordered. */
  readonly index: number;
  readonly forbids: boolean;
  /** Absent where the scope takes every request. */
  readonly applies: ScopeTest | undefined;
  /** All conditions at once: `when` holds and `unless` does not. */
  readonly holds: Test;
}

export type ScopeTest = (evaluation: Evaluation) => boolean;

/** Throws CedarError CEDAR_POLICY_SET for a template, which says nothing until it is linked. */
export function compilePolicy(id: string, policy: Policy, index: number): CompiledPolicy {
  const tests = [
    compileEntityScope(policy.principal, 'principal', id),
    compileActionScope(policy.action),
    compileEntityScope(policy.resource, 'resource', id),
  ].filter((scope) => scope !== undefined);
  return {
    id,
    index,
    forbids: policy.effect === 'forbid',
    applies: allOf(tests),
    holds: compileConditions(policy.conditions),
  };
}

function allOf(tests: readonly ScopeTest[]): ScopeTest | undefined {
  const [first, second, third] = tests;
  if (first === undefined) return undefined;
  if (second === undefined) return first;
  if (third === undefined) return (evaluation) => first(evaluation) && second(evaluation);
  return (evaluation) => first(evaluation) && second(evaluation) && third(evaluation);
}

/** A policy's conditions are one conjunction: of `unless { a || b }` it takes `!a` and `!b`. */
function compileConditions(conditions: readonly Condition[]): Test {
  const compile = openCompiler();
  return conjunction(
    conditions.flatMap(({ kind, body }) => {
      const unless = kind === 'unless';
      return chainOf(body, unless ? '||' : '&&').map((operand) => {
        const run = asTest(compile(operand), `\`${kind}\``);
        return unless ? negation(run) : run;
      });
    }),
  );
}

function compileEntityScope(
  scope: PrincipalScope | ResourceScope,
  variable: 'principal' | 'resource',
  id: string,
): ScopeTest | undefined {
  const uidOf =
    variable === 'principal'
      ? (evaluation: Evaluation) => evaluation.principal
      : (evaluation: Evaluation) => evaluation.resource;
  const nodeOf =
    variable === 'principal'
      ? (evaluation: Evaluation) => evaluation.principalNode
      : (evaluation: Evaluation) => evaluation.resourceNode;
  switch (scope.kind) {
    case 'any':
      return undefined;
    case 'is':
      return (evaluation) => uidOf(evaluation).type === scope.type;
    case 'eq': {
      const wanted = linked(scope.entity, id);
      return (evaluation) => equalUids(uidOf(evaluation), wanted);
    }
    case 'in':
    case 'is-in': {
      const wanted = linked(scope.entity, id);
      const within = membership(uidOf, nodeOf, wanted);
      if (scope.kind === 'in') return within;
      return (evaluation) => uidOf(evaluation).type === scope.type && within(evaluation);
    }
  }
}

function membership(
  uidOf: (evaluation: Evaluation) => EntityUid,
  nodeOf: (evaluation: Evaluation) => EntityNode | undefined,
  wanted: EntityUid,
): ScopeTest {
  return (evaluation) => isIn(uidOf(evaluation), nodeOf(evaluation), wanted);
}

function compileActionScope(scope: ActionScope): ScopeTest | undefined {
  switch (scope.kind) {
    case 'any':
      return undefined;
    case 'eq':
      return (evaluation) => equalUids(evaluation.action, scope.entity);
    case 'in': {
      return (evaluation) => isInAny(evaluation.action, evaluation.actionNode, scope.entities);
    }
  }
}

export function linked(entity: EntityUid | '?principal' | '?resource', id: string): EntityUid {
  if (typeof entity !== 'string') return entity;
  throw new CedarError(
    'CEDAR_POLICY_SET',
    `the policy "${id}" is a template: link its slot ${entity} before compiling it`,
  );
}

/** Policies as canonical text. Comments are not part of a policy and do not come back. */
import type { ActionScope, Condition, Policy, PrincipalScope, ResourceScope } from '../ast.ts';
import type { EntityUid } from '../value.ts';
import { printEntity, printExpr, printOperands, quote } from './print-expression.ts';

/** Longer conditions are broken at their outermost `&&` or `||`. */
const COLUMNS_MAX = 100;

/**
 * One policy without a line's end behind it. Equal policies have the same text, whatever they were parsed
 * from, and different ones never have: its bytes can be hashed.
 */
export function printPolicy(policy: Policy): string {
  const annotations = [...policy.annotations].map(([name, value]) =>
    value === null ? `@${name}` : `@${name}(${quote(value)})`,
  );
  const scope = [
    printEntityScope('principal', policy.principal),
    printActionScope(policy.action),
    printEntityScope('resource', policy.resource),
  ];
  const lines = [
    ...annotations,
    `${policy.effect} (${scope.join(', ')})`,
    ...policy.conditions.map(printCondition),
  ];
  return `${lines.join('\n')};`;
}

/** Policies with a blank line between them, and a line's end behind the last. */
export function printPolicies(policies: Iterable<Policy>): string {
  const texts = [...policies].map(printPolicy);
  return texts.length === 0 ? '' : `${texts.join('\n\n')}\n`;
}

function printEntityScope(name: string, scope: PrincipalScope | ResourceScope): string {
  switch (scope.kind) {
    case 'any':
      return name;
    case 'eq':
      return `${name} == ${printEntityOrSlot(scope.entity)}`;
    case 'in':
      return `${name} in ${printEntityOrSlot(scope.entity)}`;
    case 'is':
      return `${name} is ${scope.type}`;
    case 'is-in':
      return `${name} is ${scope.type} in ${printEntityOrSlot(scope.entity)}`;
  }
}

const printEntityOrSlot = (entity: EntityUid | string): string =>
  typeof entity === 'string' ? entity : printEntity(entity);

function printActionScope(scope: ActionScope): string {
  switch (scope.kind) {
    case 'any':
      return 'action';
    case 'eq':
      return `action == ${printEntity(scope.entity)}`;
    case 'in': {
      const entities = scope.entities.map(printEntity).join(', ');
      return `action in ${scope.entities.length === 1 ? entities : `[${entities}]`}`;
    }
  }
}

function printCondition({ kind, body }: Condition): string {
  const line = `${kind} { ${printExpr(body)} }`;
  if (line.length <= COLUMNS_MAX) return line;
  const lines = printOperands(body);
  return lines === undefined ? line : `${kind} {\n  ${lines.join('\n  ')}\n}`;
}

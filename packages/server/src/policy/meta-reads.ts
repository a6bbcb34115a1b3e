/** Which members of `context.meta` a set reads: nothing else of it can change what the set says. Pure. */
import { type Expr, operandsOf, parseExpr } from '@sealrail/cedar';
import type { PolicyInfo } from '@sealrail/sdk';
import { treeOf } from './set-changes.ts';

/** Undefined where a policy takes the record, or the context, as a whole. */
export function metaReads(policies: readonly PolicyInfo[]): ReadonlySet<string> | undefined {
  const reads = new Set<string>();
  for (const policy of policies) {
    const bodies = treeOf(policy).conditions.map(({ body }) => body);
    const cost = costOf(policy);
    if (cost === undefined || ![...bodies, ...cost].every((body) => collect(body, reads)))
      return undefined;
  }
  return reads;
}

/** What a rate costs is asked of the request as well; undefined where it does not parse. */
function costOf({ annotations }: PolicyInfo): readonly Expr[] | undefined {
  if (annotations.cost === undefined) return [];
  const parsed = parseExpr(annotations.cost);
  return parsed.ok ? [parsed.expr] : undefined;
}

/** False where more is read than can be named. */
function collect(expr: Expr, reads: Set<string>): boolean {
  const path = pathOf(expr);
  if (path === undefined) return operandsOf(expr).every((inner) => collect(inner, reads));
  const [first, second] = path;
  if (first === undefined) return false;
  if (first !== 'meta') return true;
  if (second === undefined) return false;
  reads.add(second);
  return true;
}

/** Members of the context, from the outside in; undefined for what is no path into it. */
function pathOf(expr: Expr): readonly string[] | undefined {
  if (expr.kind === 'variable') return expr.name === 'context' ? [] : undefined;
  if (expr.kind !== 'attribute' && expr.kind !== 'has') return undefined;
  const outer = pathOf(expr.object);
  if (outer === undefined) return undefined;
  return expr.kind === 'attribute' ? [...outer, expr.name] : [...outer, ...expr.path];
}

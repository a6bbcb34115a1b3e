/** Names as the server resolves them, as far as a catalog snapshot tells; the rest is a doubt. */
import type { Collector } from './collector.ts';
import type { Relation } from './facts.ts';
import { type Body, strings, text } from './node.ts';
import { isBuiltinType, isClosedRelation, reviewRoutine } from './routines.ts';

/** A RangeVar's relation; undefined, with a doubt, where there is none or more than one meaning. */
export function resolveRelation(range: Body, facts: Collector): Relation | undefined {
  const name = text(range.relname);
  const schema = text(range.schemaname);
  const found = schema === '' ? findUnqualified(name, facts) : facts.catalog.relation(schema, name);
  if (!found) {
    facts.doubts.add('unresolved-name');
    return undefined;
  }
  // What other people see, or what they do: closed until somebody asks for it by a policy of its own.
  if (isClosedRelation(found.schema, found.name)) facts.risks.add('backend-control');
  return found;
}

function findUnqualified(name: string, facts: Collector): Relation | undefined {
  const { catalog } = facts;
  const system = catalog.relation('pg_catalog', name);
  if (system) return system;
  if (!facts.namesKnown) facts.doubts.add('search-path');
  for (const schema of catalog.searchPath) {
    const found = catalog.relation(schema, name);
    if (found) return found;
  }
  return undefined;
}

/** A function call by its name as written. */
export function resolveRoutine(parts: readonly string[], facts: Collector): void {
  const name = parts.at(-1) ?? '';
  const schema = parts.length > 1 ? parts.at(-2) : undefined;
  if (schema !== undefined && schema !== 'pg_catalog') {
    facts.routines.add(`${schema}.${name}`);
    facts.doubts.add('unknown-routine');
    if (facts.catalog.routine(schema, name)?.definerRights) facts.risks.add('definer-rights');
    return;
  }
  facts.routines.add(`pg_catalog.${name}`);
  const verdict = reviewRoutine(name);
  if (verdict.kind === 'risk') facts.risks.add(verdict.risk);
  else if (verdict.kind === 'doubt') facts.doubts.add(verdict.doubt);
  // The server prefers the better match of argument types, wherever it stands: ours may not be the one.
  if (schema === undefined && facts.catalog.hasUserRoutine(name))
    facts.doubts.add(verdict.kind === 'doubt' ? verdict.doubt : 'ambiguous');
  if (!/^(now|count|sum|avg|min|max|lower|upper|coalesce|length|abs|round)$/.test(name))
    raise(facts, name);
}

function raise(facts: Collector, name: string): void {
  if (
    /^(nextval|setval|random|random_normal|gen_random_uuid|uuidv4|uuidv7|clock_timestamp|timeofday|setseed)$/.test(
      name,
    )
  ) {
    facts.volatility = 'volatile';
    if (name === 'nextval' || name === 'setval') facts.readOnly = false;
  } else if (facts.volatility === 'immutable') {
    facts.volatility = 'stable';
  }
}

/** An operator calls a function too: one outside pg_catalog is as unknown as any routine. */
export function resolveOperator(parts: readonly string[], facts: Collector): void {
  const name = parts.at(-1) ?? '';
  const schema = parts.length > 1 ? parts.at(-2) : undefined;
  if (schema !== undefined && schema !== 'pg_catalog') facts.doubts.add('unknown-routine');
  else if (schema === undefined && facts.catalog.hasUserRoutine(name))
    facts.doubts.add('ambiguous');
}

/** A type in a cast: input functions and domain checks run. */
export function resolveType(body: Body, facts: Collector): void {
  const names = strings(body.names) ?? [];
  const name = names.at(-1) ?? '';
  const schema = names.length > 1 ? names.at(-2) : undefined;
  if ((schema === undefined || schema === 'pg_catalog') && isBuiltinType(name)) return;
  facts.doubts.add('unknown-routine');
}

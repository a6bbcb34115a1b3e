/** Names as the server resolves them, as far as a catalog snapshot tells; the rest is a doubt. */
import type { Collector } from './collector.ts';
import type { Relation, SqlRisk } from './facts.ts';
import { type Body, strings, text } from './node.ts';
import { isBuiltinType, reviewRoutine, volatilityOf } from './routines.ts';

/**
 * Relations that show what was masked, secrets, or what other people do (postgres-gateway.md section 0,
 * Masking); reading one is a risk, so that a policy can allow it to somebody by name. Definitions of
 * extended statistics stay open: they hold no values, and psql's \d reads them.
 */
const CLOSED: readonly (readonly [RegExp, SqlRisk])[] = [
  [/^(pg_authid|pg_shadow)$/, 'role'],
  [
    /^(pg_user_mapping|pg_user_mappings|pg_subscription|_pg_user_mappings|user_mapping_options)$/,
    'network',
  ],
  [/^pg_largeobject$/, 'large-object'],
  [/^(pg_hba_file_rules|pg_ident_file_mappings|pg_file_settings|pg_config)$/, 'file'],
  [
    /^(pg_replication_.*|pg_stat_replication.*|pg_stat_subscription.*|pg_stat_wal_receiver)$/,
    'replication',
  ],
  [
    /^(pg_statistic|pg_statistic_ext_data|pg_stats|pg_stats_ext|pg_stats_ext_exprs)$/,
    'backend-control',
  ],
  [
    /^(pg_stat_activity|pg_stat_statements.*|pg_stat_ssl|pg_stat_gssapi|pg_stat_progress_.*)$/,
    'backend-control',
  ],
  [
    /^(pg_cursors|pg_prepared_statements|pg_backend_memory_contexts|pg_shmem_allocations.*)$/,
    'backend-control',
  ],
  [/^(pg_seclabel|pg_shseclabel|pg_aios|pg_buffercache.*)$/, 'backend-control'],
];

export function closedRisk({
  schema,
  name,
}: {
  schema: string;
  name: string;
}): SqlRisk | undefined {
  // Values that are too long for their row are kept there, masked column or not.
  if (schema === 'pg_toast') return 'backend-control';
  const system = schema === 'pg_catalog' || schema === 'information_schema';
  if (!system && !/^pg_(stat_statements|buffercache)/.test(name)) return undefined;
  return CLOSED.find(([pattern]) => pattern.test(name))?.[1];
}

/** A RangeVar's relation; undefined, with a doubt, where there is none or more than one meaning. */
export function resolveRelation(range: Body, facts: Collector): Relation | undefined {
  const found = findRelation(range, facts);
  if (!found) {
    facts.doubts.add('unresolved-name');
    return undefined;
  }
  for (const one of [found, ...found.underlying]) {
    const risk = closedRisk(one);
    if (risk) facts.risks.add(risk);
  }
  return found;
}

/** The same, without a doubt where there is none: what `IF EXISTS` asks. */
export function findRelation(range: Body, facts: Collector): Relation | undefined {
  facts.look(range);
  const name = text(range.relname);
  const schema = text(range.schemaname);
  // Behind DDL of the same message a name may be another's by the time that it is used.
  if (!facts.catalogKnown) facts.doubts.add('search-path');
  if (schema !== '') return facts.catalog.relation(schema, name);
  if (!facts.namesKnown) facts.doubts.add('search-path');
  for (const one of facts.catalog.searchPath) {
    const found = facts.catalog.relation(one, name);
    if (found) return found;
  }
  return undefined;
}

/** A routine by its name as written, in a call or in functional notation. */
export function resolveRoutine(parts: readonly string[], facts: Collector): void {
  const [name = '', schema] = parts.toReversed();
  const { risk, doubt } = reviewRoutine(name);
  if (risk) facts.risks.add(risk);
  if (doubt) facts.doubts.add(doubt);
  if (schema !== undefined && schema !== 'pg_catalog') {
    userRoutine(schema, name, facts);
    return;
  }
  const reviewed = risk === undefined && doubt === undefined;
  const shadowed = schema === undefined && facts.catalog.hasUserRoutine(name);
  // Argument types choose between routines of one name, wherever they stand: it may not be ours.
  if (shadowed) facts.doubts.add(reviewed ? 'ambiguous' : 'unknown-routine');
  const ours = schema !== undefined || (!shadowed && doubt !== 'unknown-routine');
  facts.routines.add(ours ? `pg_catalog.${name}` : name);
  facts.worsen(shadowed ? 'unknown' : volatilityOf(name));
  // It takes a number that nobody gets again, and that is all.
  if (name === 'nextval' || !reviewed) facts.readOnly = false;
}

function userRoutine(schema: string, name: string, facts: Collector): void {
  const known = facts.catalog.routine(schema, name);
  facts.routines.add(`${schema}.${name}`);
  facts.doubts.add('unknown-routine');
  facts.readOnly = false;
  facts.worsen(known?.volatility ?? 'unknown');
  if (known?.definerRights) facts.risks.add('definer-rights');
}

/** An operator calls a function too: one outside pg_catalog is as unknown as any routine. */
export function resolveOperator(parts: readonly string[], facts: Collector): void {
  const name = parts.at(-1) ?? '';
  const schema = parts.at(-2);
  if (schema !== undefined && schema !== 'pg_catalog') facts.doubts.add('unknown-routine');
  else if (schema === undefined && facts.catalog.hasUserRoutine(name))
    facts.doubts.add('ambiguous');
}

/** A type in a cast: its input function and a domain's checks run. */
export function resolveType(body: Body, facts: Collector): void {
  facts.look(body);
  const names = strings(body.names) ?? [];
  const name = names.at(-1) ?? '';
  const schema = names.at(-2);
  if (schema === 'pg_catalog' || schema === undefined) {
    if (isBuiltinType(name)) {
      // A cast to it that somebody made runs what they wrote.
      if (facts.catalog.hasUserRoutine(`::${name}`)) facts.doubts.add('ambiguous');
      if (schema === undefined && !facts.namesKnown) facts.doubts.add('search-path');
      return;
    }
  }
  if (schema === undefined && !facts.namesKnown) facts.doubts.add('search-path');
  if (!facts.catalog.enumType?.(schema, name)) facts.doubts.add('unknown-routine');
}

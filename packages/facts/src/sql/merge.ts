/** Several readings judged as one: what an EXECUTE runs besides itself, or what a name may stand for. */
import { worstScope } from './collector.ts';
import type { QualifiedName, SqlFacts, SqlStatement, SqlUse, Volatility } from './facts.ts';

const VOLATILITY: readonly Volatility[] = ['unknown', 'volatile', 'stable', 'immutable'];
const union = <T>(a: readonly T[], b: readonly T[]): T[] => [...new Set([...a, ...b])];
const byName = (a: readonly QualifiedName[], b: readonly QualifiedName[]): QualifiedName[] => [
  ...new Map([...a, ...b].map((name) => [`${name.schema}\0${name.name}`, name])).values(),
];

function mergeUses(a: readonly SqlUse[], b: readonly SqlUse[]): SqlUse[] {
  const merged = new Map<string, SqlUse>();
  for (const use of [...a, ...b]) {
    const key = `${use.verb}\0${JSON.stringify(use.resource)}`;
    const found = merged.get(key);
    merged.set(
      key,
      found
        ? {
            ...use,
            columns: union(found.columns, use.columns),
            shown: union(found.shown, use.shown),
            derived: union(found.derived, use.derived),
            written: union(found.written, use.written),
            allColumns: found.allColumns || use.allColumns,
          }
        : use,
    );
  }
  return [...merged.values()];
}

function mergeFacts(a: SqlFacts, b: SqlFacts): SqlFacts {
  return {
    ...a,
    doubts: union(a.doubts, b.doubts).sort(),
    kinds: [...a.kinds, ...b.kinds],
    scope: worstScope(a.scope, b.scope),
    volatility:
      VOLATILITY[Math.min(VOLATILITY.indexOf(a.volatility), VOLATILITY.indexOf(b.volatility))] ??
      'unknown',
    readOnly: a.readOnly && b.readOnly,
    risks: union(a.risks, b.risks).sort(),
    tablesRead: byName(a.tablesRead, b.tablesRead),
    tablesWritten: byName(a.tablesWritten, b.tablesWritten),
    routines: union(a.routines, b.routines).sort(),
    returnsRows: a.returnsRows || b.returnsRows,
    crossJoin: a.crossJoin || b.crossJoin,
    uses: mergeUses(a.uses, b.uses),
  };
}

/** The first one's text and literals, the worst of all their facts. */
export function mergeReadings(first: SqlStatement, rest: readonly SqlStatement[]): SqlStatement {
  let facts = first.facts;
  for (const one of rest) facts = mergeFacts(facts, one.facts);
  return { ...first, facts, effects: [first, ...rest].flatMap(({ effects }) => effects) };
}

/** The same reading with one more reason not to understand it. */
export function withDoubt(reading: SqlStatement, doubt: SqlFacts['doubts'][number]): SqlStatement {
  return {
    ...reading,
    facts: { ...reading.facts, doubts: union(reading.facts.doubts, [doubt]).sort() },
  };
}

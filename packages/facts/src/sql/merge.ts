/** Several readings judged as one: what an EXECUTE runs besides itself, or what a name may stand for. */
import { keyOf, useKey, worstScope, worstVolatility } from './collector.ts';
import type { Doubt, QualifiedName, SqlFacts, SqlStatement, SqlUse } from './facts.ts';

const union = <T>(a: readonly T[], b: readonly T[]): T[] => [...new Set([...a, ...b])];
const byName = (a: readonly QualifiedName[], b: readonly QualifiedName[]): QualifiedName[] => [
  ...new Map([...a, ...b].map((name) => [keyOf(name), name])).values(),
];

function mergeUses(a: readonly SqlUse[], b: readonly SqlUse[]): SqlUse[] {
  const merged = new Map<string, SqlUse>();
  for (const use of [...a, ...b]) {
    const found = merged.get(useKey(use));
    merged.set(
      useKey(use),
      found
        ? {
            ...use,
            columns: union(found.columns, use.columns).sort(),
            shown: union(found.shown, use.shown).sort(),
            derived: union(found.derived, use.derived).sort(),
            written: union(found.written, use.written).sort(),
            allColumns: found.allColumns || use.allColumns,
          }
        : use,
    );
  }
  return [...merged.values()];
}

function mergeFacts({ limit: _, ...a }: SqlFacts, b: SqlFacts): SqlFacts {
  return {
    ...a,
    doubts: union(a.doubts, b.doubts).sort(),
    kinds: [...a.kinds, ...b.kinds],
    scope: worstScope(a.scope, b.scope),
    volatility: worstVolatility(a.volatility, b.volatility),
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
  return {
    ...first,
    facts: rest.reduce((facts, one) => mergeFacts(facts, one.facts), first.facts),
    effects: [first, ...rest].flatMap(({ effects }) => effects),
    // Behind its own: as many as it has statements.
    shows: [first, ...rest].flatMap(({ shows = [] }) => shows),
  };
}

/** The same reading with one more reason not to understand it. */
export function withDoubt(reading: SqlStatement, doubt: Doubt): SqlStatement {
  const doubts = union(reading.facts.doubts, [doubt]).sort();
  return { ...reading, facts: { ...reading.facts, doubts } };
}

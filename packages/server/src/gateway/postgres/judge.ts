/**
 * From a text to a decision, for one session: what its names stand for, what it amounts to, and the action
 * that the policies are asked about.
 */
import {
  type Catalog,
  type DetectedKinds,
  type Doubt,
  mergeReadings,
  type QualifiedName,
  readSql,
  type SqlReading,
  type SqlStatement,
  type SqlUse,
  withDoubt,
} from '@sealrail/facts';
import type { Act, CedarRecord, Decided, Guard, Mode, Principal } from '@sealrail/sdk';
import type { PostgresTarget, User } from '../../config/config.ts';
import { callerOf, type StatementsKept, sqlAct } from './action.ts';
import { type ClassesOptions, classesOfColumns } from './data-classes.ts';
import { NO_CATALOG, type Readings } from './readings.ts';
import { Resolution } from './resolution.ts';
import { mayBeUnfulfillable, planResults, type ResultPlan } from './result-plan.ts';
import { classedTables, sideDoorOf } from './side-doors.ts';
import type { Found, Names, Prepared } from './statements.ts';

export { Readings } from './readings.ts';

/** A text as somebody asked for it: by itself, or by the name of what was prepared. */
export interface Asked extends Prepared {
  readonly binds: readonly (string | null)[];
  /** What the data of its COPY has brought so far. */
  readonly copied?: DetectedKinds;
}

export const asked = (text: string): Asked => ({ text, bySql: false, binds: [] });

/** What is known of a message in which no statement stands. */
const NOTHING = readSql({
  text: '',
  parse: () => ({ kind: 'tree', version: 0, stmts: [] }),
  catalog: NO_CATALOG,
});

/** A decision, and what its obligations make of the results; undefined where there is nothing to do to them. */
export interface Judged extends Decided {
  readonly plans?: readonly ResultPlan[];
}

const UNFULFILLED_HINT = 'return these columns bare and by themselves, or leave them out';

export interface JudgeOptions {
  readonly guard: Guard;
  readonly target: () => PostgresTarget;
  readonly user: User;
  readonly principal: Principal;
  readonly session: string;
  readonly ip: string | undefined;
  readonly readings: Readings;
  readonly kept: StatementsKept;
  readonly catalog: () => Catalog | undefined;
  readonly names: Names;
  readonly nowMs: () => number;
}

/** Enforced for everybody, for members of some groups, or for nobody. */
export function modeFor(mode: PostgresTarget['mode'], groups: readonly string[]): Mode {
  if (typeof mode === 'string') return mode;
  return mode.enforce.some((group) => groups.includes(group)) ? 'enforce' : 'observe';
}

export class Judge {
  readonly #options: JudgeOptions;
  readonly #caller: CedarRecord;
  /** Texts that a reading runs by name: what an approval is bound to is they, and not their name. */
  readonly #executed = new WeakMap<SqlReading, readonly string[]>();
  readonly resolution = new Resolution();
  inTransaction = false;
  /** Something of this session was shown with a mask, or is about to be. */
  masks = false;

  constructor(options: JudgeOptions) {
    this.#options = options;
    this.#caller = callerOf(options);
  }

  get mode(): Mode {
    return modeFor(this.#options.target().mode, this.#options.user.groups);
  }

  /** What a decision about this reading would be made from now; when it changes, it is decided again. */
  madeFrom(reading: SqlReading): string {
    const { guard, catalog, names } = this.#options;
    const byName = effectsOf(reading).some(({ kind }) => kind === 'execute' || kind === 'fetch');
    const state = [this.resolution.namesKnown, this.resolution.uncommitted, this.mode].join(' ');
    const version = byName ? names.prepared.version : '';
    return `${guard.policySet} ${catalog()?.epoch ?? 'none'} ${state} ${version}`;
  }

  /**
   * Facts of a text, with those of whatever it executes or fetches by name. Undefined while a name in it
   * has a change on its way: what it stands for is known when that is answered.
   */
  read({ text, bySql }: Prepared, group: number | undefined): SqlReading | undefined {
    const catalog = this.#options.catalog();
    const plain = this.#options.readings.read(
      text,
      catalog ?? NO_CATALOG,
      this.resolution.namesKnown,
    );
    if (plain.kind === 'syntax-error') return plain;
    const reading = bySql ? { ...plain, effects: [] } : plain;
    return this.#resolve(this.#doubted(reading, catalog !== undefined), group);
  }

  /** With no catalog, or another than the one we know, no name means anything for certain. */
  #doubted(reading: SqlStatement, hasCatalog: boolean): SqlStatement {
    if (!hasCatalog) return withDoubt(reading, 'stale-catalog');
    const { tablesRead, tablesWritten } = reading.facts;
    const touches = tablesRead.length + tablesWritten.length > 0;
    return this.resolution.uncommitted && touches ? withDoubt(reading, 'stale-catalog') : reading;
  }

  /** Follows the statements of the text in order, since one may prepare what the next one executes. */
  #resolve(reading: SqlStatement, group: number | undefined): SqlStatement | undefined {
    const scope = new Scope(this.#options.names, group);
    for (const effect of reading.effects) scope.follow(effect);
    if (scope.unsettled) return undefined;
    const inside = scope.executed.map((prepared) => this.#inner(prepared));
    const merged = inside.length === 0 ? reading : mergeReadings(reading, inside);
    const resolved = scope.missing ? withDoubt(merged, 'unresolved-name') : merged;
    if (inside.length > 0) {
      const texts = scope.executed.map(({ text }) => text);
      this.#executed.set(resolved, texts);
    }
    return resolved;
  }

  /** The statement that EXECUTE runs: PREPARE takes none that prepares or executes another. */
  #inner({ text }: Prepared): SqlStatement {
    const catalog = this.#options.catalog() ?? NO_CATALOG;
    const read = this.#options.readings.read(text, catalog, this.resolution.namesKnown);
    const shows = read.kind === 'statement' ? (read.shows ?? []) : [];
    const { facts } = read;
    return this.#doubted({ kind: 'statement', facts, literals: [], effects: [], shows }, true);
  }

  /** An obligation that cannot be carried out is a denial, before anything happens. */
  decide(query: Asked, reading: SqlReading): Judged {
    const { guard } = this.#options;
    const act = this.#act(query, reading);
    if (this.mode !== 'enforce') return guard.decide(act);
    const foreseen = this.#unfulfillable(act, reading);
    if (foreseen !== undefined) return guard.decide(refused(act, foreseen, UNFULFILLED_HINT));
    const decided = guard.decide(act);
    const plans = this.#plan(decided, reading);
    if (typeof plans !== 'string') {
      this.masks ||= plans.some(({ masks }) => masks.size > 0);
      return plans.length === 0 ? decided : { ...decided, plans };
    }
    const nothing = { status: 'skipped', dispatched: false } as const;
    const { decisionId } = decided;
    guard.outcome({ decisionId, outcome: nothing, durationUs: 0 }, act).catch(() => undefined);
    return guard.decide(refused(act, plans, UNFULFILLED_HINT));
  }

  /**
   * The verdict alone: an allowed Parse has no entry, its Bind will. What is held is held at its Bind: only
   * there are the values known that somebody approves.
   */
  wouldDeny(query: Asked, reading: SqlReading): boolean {
    if (this.mode !== 'enforce') return false;
    const act = this.#act(query, reading);
    const { verdict } = this.#options.guard.explain(act.action).decision;
    return verdict === 'deny' || this.#unfulfillable(act, reading) !== undefined;
  }

  /**
   * False where a row of the tables that it touches would be shown to this principal with a mask, or not at
   * all. Asked only when something is to be said that may print one.
   */
  seesPlainly(reading: SqlReading): boolean {
    if (this.mode !== 'enforce') return true;
    const known = { target: this.#options.target(), catalog: this.#options.catalog() };
    const { tablesRead, tablesWritten } = reading.facts;
    const uses = [...tablesRead, ...tablesWritten].flatMap((table) => readOfAll(table, known));
    if (uses.length === 0) return true;
    const facts = { ...reading.facts, doubts: [], uses };
    const whole: SqlReading = { kind: 'statement', facts, literals: [], effects: [] };
    const { action } = this.#act(asked(''), whole);
    const { verdict, obligations } = this.#options.guard.explain(action).decision;
    return verdict === 'allow' && obligations.every(({ kind }) => kind !== 'mask');
  }

  /** Asked before it is decided, so that one entry says what became of it; only where it may be so. */
  #unfulfillable({ action }: Act, reading: SqlReading): string | undefined {
    const [target, catalog] = [this.#options.target(), this.#options.catalog()];
    const door = sideDoorOf(reading);
    if (door !== undefined && this.#seesMasked(reading)) {
      return `${door} holds values of columns that are masked for you`;
    }
    if (!mayBeUnfulfillable({ reading, target, catalog })) return undefined;
    const { decision } = this.#options.guard.explain(action);
    const plans = this.#plan({ decision, decisionId: '' }, reading);
    return typeof plans === 'string' ? plans : undefined;
  }

  /** True where a column of any table is masked for this principal, or not shown at all. */
  #seesMasked(reading: SqlReading): boolean {
    const tablesRead = classedTables(this.#options.target());
    const facts = { ...reading.facts, tablesRead, tablesWritten: [] };
    return !this.seesPlainly({ kind: 'statement', facts, literals: [], effects: [] });
  }

  #plan(
    { decision, decisionId }: Pick<Decided, 'decision' | 'decisionId'>,
    reading: SqlReading,
  ): readonly ResultPlan[] | string {
    const { obligations, verdict } = decision;
    if (obligations.length === 0 || verdict !== 'allow') return [];
    const [target, catalog] = [this.#options.target(), this.#options.catalog()];
    return planResults({ obligations, reading, target, catalog }, decisionId);
  }

  /** What nothing can be said about: a name that is not known, a call by number. */
  doubt(doubt: Doubt): SqlReading {
    return NOTHING.kind === 'statement' ? withDoubt(NOTHING, doubt) : NOTHING;
  }

  /** Malformed: stopped in any mode, before any policy is asked. */
  reject(text: string, reason: string, hint?: string): Decided {
    return this.#options.guard.decide(refused(this.#act(asked(text), NOTHING), reason, hint));
  }

  #act({ text, binds, copied }: Asked, reading: SqlReading): Act {
    const { user, session, ip, principal, nowMs } = this.#options;
    const target = this.#options.target();
    const act = sqlAct({
      reading,
      user,
      target,
      session,
      inTransaction: this.inTransaction,
      text,
      binds,
      ...(copied === undefined ? {} : { copied }),
      executed: this.#executed.get(reading) ?? [],
      nowMs: nowMs(),
      ...(ip === undefined ? {} : { ip }),
      catalog: this.#options.catalog(),
      caller: this.#caller,
      kept: this.#options.kept,
    });
    return { ...act, target: target.name, mode: this.mode, session, principal };
  }
}

/** No policy is asked for it, whatever they say. */
function refused(act: Act, rejected: string, hint?: string): Act {
  const more = hint === undefined ? {} : { rejectedHint: hint };
  return { ...act, action: { ...act.action, rejected, ...more } };
}

/** Everything of a table shown at once; nothing where none of it is of any class. */
function readOfAll({ schema, name }: QualifiedName, known: ClassesOptions): SqlUse[] {
  const columns = known.catalog?.relation(schema, name)?.columns.map((one) => one.name) ?? [];
  if (classesOfColumns(known, { schema, name }, columns).length === 0) return [];
  const resource = { kind: 'table', schema, name } as const;
  return [
    {
      verb: 'select',
      resource,
      columns,
      shown: columns,
      derived: [],
      written: [],
      allColumns: true,
    },
  ];
}

export type Effect = SqlStatement['effects'][number];

export const effectsOf = (reading: SqlReading): readonly Effect[] =>
  reading.kind === 'statement' ? reading.effects : [];

/** Names as they will be in the middle of a text, if everything before has succeeded. */
class Scope {
  readonly executed: Prepared[] = [];
  missing = false;
  unsettled = false;
  readonly #names: Names;
  readonly #group: number | undefined;
  readonly #prepared = new Map<string, Prepared | undefined>();
  readonly #cursors = new Map<string, boolean>();
  /** DEALLOCATE ALL or DISCARD ALL came before: only what the text itself made is there. */
  #cleared = false;

  constructor(names: Names, group: number | undefined) {
    this.#names = names;
    this.#group = group;
  }

  follow(effect: Effect): void {
    switch (effect.kind) {
      case 'prepare':
        this.#prepared.set(effect.name, { text: effect.text, bySql: true });
        return;
      case 'deallocate':
        if (effect.name !== undefined) this.#prepared.set(effect.name, undefined);
        else this.#clear();
        return;
      case 'discard-all':
        this.#clear();
        return;
      case 'execute':
        this.#execute(effect.name);
        return;
      case 'declare':
        this.#cursors.set(effect.name, true);
        return;
      case 'fetch':
      case 'close':
        if (effect.name !== undefined) this.#needCursor(effect.name);
    }
  }

  #clear(): void {
    this.#cleared = true;
    this.#prepared.clear();
  }

  #execute(name: string): void {
    if (this.#prepared.has(name) || this.#cleared) {
      const prepared = this.#prepared.get(name);
      if (prepared) this.executed.push(prepared);
      else this.missing = true;
      return;
    }
    const found = this.#note(this.#names.prepared.look(name, this.#group));
    if (found) this.executed.push(found);
  }

  #needCursor(name: string): void {
    if (!this.#cursors.has(name)) this.#note(this.#names.portals.look(name, this.#group));
  }

  #note<T>(found: Found<T>): T | undefined {
    if (found.kind === 'known') return found.value;
    if (found.kind === 'unsettled') this.unsettled = true;
    else this.missing = true;
    return undefined;
  }
}

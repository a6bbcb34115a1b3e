/**
 * From a text to a decision, for one session: what names mean there, what was prepared under which name,
 * and the action that the policies are asked about.
 */
import {
  type Catalog,
  changesNames,
  mergeReadings,
  type ParsePort,
  readSql,
  type SqlReading,
  type SqlStatement,
  withDoubt,
} from '@sealrail/facts';
import type { Act, Decided, Guard, Mode, Principal } from '@sealrail/sdk';
import type { PostgresTarget, User } from '../../config/config.ts';
import { sqlAct } from './action.ts';

/** Names of statements and portals that one session may hold; past it new ones are denied. */
export const NAMES_MAX = 10_000;
/** Readings kept for texts that come again; facts only, never verdicts. */
const READINGS_MAX = 2_000;
const READING_LENGTH_MAX = 16_384;

export interface Portal {
  readonly text: string;
  readonly binds: readonly (string | null)[];
  /** What its decision was made from; when that changes, it is decided again. */
  readonly madeFrom: string;
  readonly decisionId: string;
}

/** Facts of texts under one catalog; shared by the sessions of a target. */
export class Readings {
  readonly #parse: ParsePort;
  readonly #kept = new Map<string, SqlReading>();
  #epoch = -1;

  constructor(parse: ParsePort) {
    this.#parse = parse;
  }

  read(text: string, catalog: Catalog, namesKnown: boolean): SqlReading {
    if (catalog.epoch !== this.#epoch) {
      this.#kept.clear();
      this.#epoch = catalog.epoch;
    }
    const key = `${namesKnown ? 'k' : 'u'}${text}`;
    const found = this.#kept.get(key);
    if (found) return found;
    const reading = readSql({ text, parse: this.#parse, catalog, namesKnown });
    // A fault of the parser is no fact about the text.
    if (text.length <= READING_LENGTH_MAX && !reading.facts.doubts.includes('too-deep')) {
      if (this.#kept.size >= READINGS_MAX) this.#kept.delete(this.#kept.keys().next().value ?? '');
      this.#kept.set(key, reading);
    }
    return reading;
  }
}

/** While the catalog cannot be read, no name means anything. */
const NO_CATALOG: Catalog = {
  epoch: 0,
  searchPath: [],
  relation: () => undefined,
  hasUserRoutine: () => true,
  routine: () => undefined,
};

/** What is known of a message that no statement stands in. */
const NOTHING = readSql({
  text: '',
  parse: () => ({ kind: 'tree', version: 0, stmts: [] }),
  catalog: NO_CATALOG,
});

export interface JudgeOptions {
  readonly guard: Guard;
  readonly target: () => PostgresTarget;
  readonly user: User;
  readonly principal: Principal;
  readonly session: string;
  readonly ip: string | undefined;
  readonly readings: Readings;
  readonly catalog: () => Catalog | undefined;
  readonly nowMs: () => number;
}

/** Enforced for everybody, for members of some groups, or for nobody. */
export function modeFor(mode: PostgresTarget['mode'], groups: readonly string[]): Mode {
  if (typeof mode === 'string') return mode;
  return mode.enforce.some((group) => groups.includes(group)) ? 'enforce' : 'observe';
}

export class Judge {
  readonly #options: JudgeOptions;
  /** Several texts where it is not known which of them the server took. */
  readonly prepared = new Map<string, string[]>();
  readonly portals = new Map<string, Portal>();
  /** The session chose another search_path than the catalog was read under. */
  #pathChanged = false;
  /** The session has objects that stand before all others of their name. */
  #temporary = false;
  /** A transaction that is open has defined or dropped things: nobody else sees them, nor does the catalog. */
  definesNames = false;
  inTransaction = false;

  constructor(options: JudgeOptions) {
    this.#options = options;
  }

  get #catalog(): Catalog | undefined {
    return this.definesNames ? undefined : this.#options.catalog();
  }

  /** False while unqualified names may mean something else than the catalog says. */
  get namesKnown(): boolean {
    return !this.#pathChanged && !this.#temporary;
  }

  /** Policy set and catalog that a decision of this moment is made from. */
  get madeFrom(): string {
    return `${this.#options.guard.policySet} ${this.#catalog?.epoch ?? 'none'} ${this.namesKnown}`;
  }

  /** Facts of a text, with those of whatever it executes or fetches by name. */
  read(text: string): SqlReading {
    const catalog = this.#catalog;
    const reading = this.#options.readings.read(text, catalog ?? NO_CATALOG, this.namesKnown);
    if (reading.kind === 'syntax-error') return reading;
    const known = catalog ? reading : withDoubt(reading, 'stale-catalog');
    return this.#resolveNames(known);
  }

  #resolveNames(reading: SqlStatement): SqlStatement {
    const inside: SqlStatement[] = [];
    const prepared = new Map<string, string[]>(this.prepared);
    const cursors = new Set(this.portals.keys());
    let missing = false;
    for (const effect of reading.effects) {
      if (effect.kind === 'prepare')
        prepared.set(effect.name, [...(prepared.get(effect.name) ?? []), effect.text]);
      else if (effect.kind === 'declare') cursors.add(effect.name);
      else if (effect.kind === 'execute') {
        const texts = prepared.get(effect.name) ?? [];
        missing ||= texts.length === 0;
        for (const text of texts) inside.push(this.#inner(text));
      } else if (
        (effect.kind === 'fetch' || effect.kind === 'close') &&
        effect.name !== undefined
      ) {
        missing ||= !cursors.has(effect.name);
      }
    }
    const merged = inside.length === 0 ? reading : mergeReadings(reading, inside);
    return missing ? withDoubt(merged, 'unresolved-name') : merged;
  }

  /** What a prepared name stands for; it was read before, and is read again because names may have changed. */
  #inner(text: string): SqlStatement {
    const reading = this.#options.readings.read(text, this.#catalog ?? NO_CATALOG, this.namesKnown);
    if (reading.kind === 'statement') return { ...reading, effects: [] };
    return { kind: 'statement', facts: reading.facts, literals: [], effects: [] };
  }

  /** A statement of the map under this name, as one reading; undefined where the name is not known. */
  readPrepared(name: string): { text: string; reading: SqlReading } | undefined {
    const texts = this.prepared.get(name) ?? [];
    const [first] = texts;
    if (first === undefined) return undefined;
    const readings = texts.map((text) => this.read(text));
    const broken = readings.find((reading) => reading.kind === 'syntax-error');
    if (broken) return { text: first, reading: broken };
    const [one, ...rest] = readings as SqlStatement[];
    return { text: first, reading: mergeReadings(one as SqlStatement, rest) };
  }

  decide(text: string, reading: SqlReading, binds: readonly (string | null)[] = []): Decided {
    return this.#options.guard.decide(this.#act(text, reading, binds));
  }

  /** The verdict alone: an allowed Parse has no entry, its Bind will. */
  wouldBlock(text: string, reading: SqlReading): boolean {
    const act = this.#act(text, reading, []);
    return (
      act.mode === 'enforce' && this.#options.guard.explain(act.action).decision.verdict !== 'allow'
    );
  }

  /** An action that no policy is asked about: malformed, or by a side door. */
  reject(text: string, reason: string): Decided {
    const act = this.#act(text, NOTHING, []);
    return this.#options.guard.decide({ ...act, action: { ...act.action, rejected: reason } });
  }

  #act(text: string, reading: SqlReading, binds: readonly (string | null)[]): Act {
    const { user, session, ip, principal, nowMs } = this.#options;
    const target = this.#options.target();
    return {
      ...sqlAct({
        reading,
        user,
        target,
        session,
        inTransaction: this.inTransaction,
        text,
        binds,
        nowMs: nowMs(),
        ...(ip === undefined ? {} : { ip }),
        catalog: this.#catalog,
      }),
      target: target.name,
      mode: modeFor(target.mode, user.groups),
      session,
      principal,
    };
  }

  get mode(): Mode {
    return modeFor(this.#options.target().mode, this.#options.user.groups);
  }

  /** True where judging what comes next has to wait for this: it may change what names mean. */
  static raises(reading: SqlReading): boolean {
    return reading.kind === 'statement' && reading.effects.some(changesNames);
  }

  /** What a statement that succeeded has done to the session. */
  applyEffects(reading: SqlReading): void {
    if (reading.kind !== 'statement') return;
    for (const effect of reading.effects) {
      if (effect.kind === 'prepare') this.remember(effect.name, effect.text);
      else if (effect.kind === 'deallocate') this.#forget(this.prepared, effect.name);
      else if (effect.kind === 'close') this.#forget(this.portals, effect.name);
      else if (effect.kind === 'discard-all') {
        this.prepared.clear();
        this.portals.clear();
        this.#pathChanged = false;
        this.#temporary = false;
      } else if (effect.kind === 'ddl') this.definesNames = true;
      else if (changesNames(effect)) this.#changePath(effect);
    }
  }

  #changePath({ kind, name }: { readonly kind: string; readonly name?: string }): void {
    if (name === 'temporary objects') this.#temporary = true;
    else this.#pathChanged = kind !== 'reset';
  }

  #forget(map: Map<string, unknown>, name: string | undefined): void {
    if (name === undefined) map.clear();
    else map.delete(name);
  }

  remember(name: string, text: string): void {
    if (this.prepared.size < NAMES_MAX || this.prepared.has(name)) this.prepared.set(name, [text]);
  }
}

/** What enforcing a target that is only observed would have stopped, and whether it had run. Pure over entries. */
import type { Common, DecisionEntry, OutcomeFields } from '@sealrail/sdk';

export interface StopGroup {
  /** The policies that would have stopped it, gravest first; empty where no policy permits it. */
  readonly policies: readonly string[];
  readonly code: string;
  readonly principal: string;
  readonly statement: string;
  readonly decisions: number;
  /** How many of these were carried out and reported as executed. */
  readonly ran: number;
  /** The earliest that ran, else the earliest. */
  readonly example: { readonly index: number; readonly id: string };
}

export interface DoubtGroup {
  /** A doubt of the schema, or what else kept it from being understood. */
  readonly doubt: string;
  readonly decisions: number;
  readonly ran: number;
  readonly example: { readonly index: number; readonly id: string; readonly statement: string };
}

export interface Report {
  /** Decisions of the target while it was observed. */
  readonly decisions: number;
  /** Decisions of it that were carried out, whatever they were: enforced already. */
  readonly enforced: number;
  readonly notUnderstood: number;
  readonly doubts: readonly DoubtGroup[];
  readonly wouldStop: number;
  /** Of wouldStop and notUnderstood, those that ran. */
  readonly ran: number;
  readonly groups: readonly StopGroup[];
}

/** Groups of each kind; what comes beyond them is counted under the last one's name. */
export const GROUPS_MAX = 5_000;
/** Decisions whose outcome is waited for; past it the oldest counts as one that did not run. */
export const OPEN_MAX = 200_000;
export const OTHERS = '(others)';

interface Counted {
  decisions: number;
  ran: number;
  example: { index: number; id: string; statement: string };
  exampleRan: boolean;
}

interface Open {
  readonly index: number;
  readonly groups: readonly Counted[];
}

export class Reporter {
  readonly #target: string;
  readonly #stops = new Map<string, Counted & Pick<StopGroup, 'policies' | 'code' | 'principal'>>();
  readonly #doubts = new Map<string, Counted>();
  readonly #open = new Map<string, Open>();
  #decisions = 0;
  #enforced = 0;
  #notUnderstood = 0;
  #wouldStop = 0;
  #ran = 0;

  constructor(target: string) {
    this.#target = target;
  }

  /** In the order of the log; with the members that moved out of the entry. */
  decision(index: number, entry: DecisionEntry): void {
    if (entry.target !== this.#target) return;
    const { mode, code, verdict } = entry.decision;
    if (mode !== 'observe') {
      this.#enforced++;
      return;
    }
    this.#decisions++;
    // Malformed bytes are stopped in any mode: enforcing changes nothing for them.
    if (verdict === 'allow' || code === 'rejected') return;
    const example = { index, id: entry.id, statement: entry.statement ?? '(does not parse)' };
    const groups =
      code === 'not-understood'
        ? this.#doubtGroups(entry, example)
        : [this.#stopGroup(entry, example)];
    if (code === 'not-understood') this.#notUnderstood++;
    else this.#wouldStop++;
    for (const group of groups) group.decisions++;
    const [oldest] = this.#open.keys();
    if (this.#open.size >= OPEN_MAX && oldest !== undefined) this.#open.delete(oldest);
    this.#open.set(entry.id, { index, groups });
  }

  outcome({ decisionId, outcome }: Common & OutcomeFields): void {
    const open = this.#open.get(decisionId);
    if (open === undefined) return;
    this.#open.delete(decisionId);
    if (outcome.status !== 'executed') return;
    this.#ran++;
    for (const group of open.groups) {
      group.ran++;
      if (group.exampleRan) continue;
      group.exampleRan = true;
      group.example = { ...group.example, index: open.index, id: decisionId };
    }
  }

  sum(): Report {
    const doubts = [...this.#doubts].map(([doubt, { decisions, ran, example }]) => ({
      doubt,
      decisions,
      ran,
      example,
    }));
    const groups = [...this.#stops.values()].map(
      ({ policies, code, principal, decisions, ran, example: { statement, ...example } }) => ({
        policies,
        code,
        principal,
        statement,
        decisions,
        ran,
        example,
      }),
    );
    return {
      decisions: this.#decisions,
      enforced: this.#enforced,
      notUnderstood: this.#notUnderstood,
      doubts: doubts.sort(byWeight),
      wouldStop: this.#wouldStop,
      ran: this.#ran,
      groups: groups.sort(byWeight),
    };
  }

  #stopGroup(entry: DecisionEntry, example: Counted['example']): Counted {
    const { determining, code } = entry.decision;
    const who = entry.principal;
    const principal = who === undefined ? '(nobody)' : `${who.type} ${who.id}`;
    const key = JSON.stringify([determining, code, principal, example.statement]);
    const known = this.#stops.get(key);
    if (known) return known;
    const made = { ...counted(example), policies: determining, code, principal };
    if (this.#stops.size < GROUPS_MAX) {
      this.#stops.set(key, made);
      return made;
    }
    const others = this.#stops.get(OTHERS) ?? {
      ...counted({ ...example, statement: OTHERS }),
      policies: [],
      code: OTHERS,
      principal: OTHERS,
    };
    this.#stops.set(OTHERS, others);
    return others;
  }

  #doubtGroups(entry: DecisionEntry, example: Counted['example']): Counted[] {
    const parts = entry.decision.parts as unknown as readonly {
      readonly doubts?: readonly string[];
      readonly problem?: string;
    }[];
    const names = new Set(
      parts.flatMap(({ doubts = [], problem }) =>
        doubts.length > 0 || problem === undefined ? doubts : [problem],
      ),
    );
    return [...(names.size > 0 ? names : ['(unknown)'])].map((name) => {
      const place = this.#doubts.has(name) || this.#doubts.size < GROUPS_MAX ? name : OTHERS;
      const group = this.#doubts.get(place) ?? counted(example);
      this.#doubts.set(place, group);
      return group;
    });
  }
}

const counted = (example: Counted['example']): Counted => ({
  decisions: 0,
  ran: 0,
  example,
  exampleRan: false,
});

interface Weighed {
  readonly ran: number;
  readonly decisions: number;
  readonly example: { readonly index: number };
}

/** What ran first: that is what enforcing would break. */
const byWeight = (a: Weighed, b: Weighed): number =>
  b.ran - a.ran || b.decisions - a.decisions || a.example.index - b.example.index;

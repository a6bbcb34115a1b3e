/**
 * A candidate set over decisions that were made: what it would have said to the very same questions. History,
 * counters and grants are taken as they were recorded: a decision that the candidate would have made
 * otherwise does not change what came after it, so decisions are replayed in any order and by any number of
 * workers.
 */
import { CedarError } from '@sealrail/cedar';
import {
  type Action,
  type BlobReader,
  type DecisionEntry,
  entitiesOf,
  isAction,
  loggedAction,
  type PolicySet,
  type PreparedEntities,
  parseEntry,
  type Request,
  type Ruling,
  ruleAgain,
  SealrailError,
} from '@sealrail/sdk';
import { type EntryText, sliceEntry } from './entry-text.ts';
import { metaReads } from './meta-reads.ts';
import { MetaReader, membersText } from './meta-text.ts';
import { Tally } from './replay-tally.ts';

/** Texts that are parsed once each; past it all of them are forgotten. */
export const TEXTS_KEPT_MAX = 20_000;
/** Of one run; past it all of them are forgotten. */
export const RULINGS_KEPT_MAX = 64;

/** What of an entry does not change from one run of a statement to the next. */
interface Known {
  readonly decision: DecisionEntry['decision'];
  /** Why there is nothing to replay. */
  readonly skip?: string;
  /** Their `meta` is not theirs. */
  readonly requests: readonly Request[];
  readonly statement: string;
  readonly principal: string;
  readonly resources: readonly string[];
}

/** The same decision on the same facts, by the same principal on the same resources. */
interface Run extends Known {
  readonly texts: Pick<EntryText, 'decision' | 'facts'>;
}

export interface ReplayerOptions {
  readonly candidate: PolicySet;
  readonly blobs: BlobReader;
  /** What the candidate is compared with, where it is not what was decided. */
  readonly instead?: PolicySet | undefined;
}

export class Replayer {
  readonly tally = new Tally();
  readonly #blobs: BlobReader;
  readonly #candidate: Answers;
  readonly #instead: Answers | undefined;
  readonly #runs = new Map<string, Map<string, Run[]>>();
  #kept = 0;

  constructor({ candidate, blobs, instead }: ReplayerOptions) {
    this.#blobs = blobs;
    this.#candidate = new Answers(candidate, blobs);
    this.#instead = instead && new Answers(instead, blobs);
  }

  /** One decision's entry. Never throws for what it holds. */
  replay(index: number, bytes: Uint8Array, since: string): void {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
    const sliced = sliceEntry(text);
    try {
      if (sliced === undefined) this.#replayWhole(index, parseEntry(bytes), since);
      else if (sliced.time >= since) this.#replaySliced(index, sliced);
    } catch (error) {
      // Somebody else's entry: no canonical text, no JSON, no values of Cedar.
      const isShape = error instanceof SealrailError || error instanceof SyntaxError;
      if (!isShape && !(error instanceof CedarError)) throw error;
      this.tally.damaged++;
    }
  }

  #replaySliced(index: number, sliced: EntryText): void {
    const run = this.#runOf(sliced);
    const made = run.skip === undefined ? this.#candidate.rule(run, sliced) : undefined;
    if (made === undefined) this.tally.addNotReplayed(run.skip ?? 'blob-missing');
    else this.#compare(index, sliced.id, run, made, this.#instead?.rule(run, sliced));
  }

  #replayWhole(index: number, entry: ReturnType<typeof parseEntry>, since: string): void {
    if (entry.kind !== 'decision' || entry.time < since) return;
    const action = loggedAction(entry, this.#blobs);
    if (!isAction(action)) {
      this.tally.addNotReplayed(action);
      return;
    }
    const known = aboutEntry(entry, action.requests);
    const made = this.#candidate.ruleWhole(entry, action);
    this.#compare(index, entry.id, known, made, this.#instead?.ruleWhole(entry, action));
  }

  #compare(index: number, id: string, known: Known, made: Ruling, instead?: Ruling): void {
    const { statement, principal, resources } = known;
    const before = instead ?? known.decision;
    if (made.verdict === before.verdict) {
      const isAlike = made.code === before.code && equal(made.determining, before.determining);
      this.tally.addSame(!isAlike);
      return;
    }
    // What let it pass says less than what stops it: the stricter of both answers is named.
    const { determining, code } = made.verdict === 'allow' ? before : made;
    this.tally.addChanged({
      index,
      id,
      statement,
      principal,
      resources,
      from: before.verdict,
      to: made.verdict,
      policies: determining.length > 0 ? determining : [`(${code})`],
    });
  }

  /** By two short texts first: the long ones are compared with few. */
  #runOf(sliced: EntryText): Run {
    const { decision, facts, uses, where } = sliced;
    const byUses = this.#runs.get(where) ?? new Map<string, Run[]>();
    const runs = byUses.get(uses) ?? [];
    for (const run of runs)
      if (run.texts.decision === decision && run.texts.facts === facts) return run;
    const made = { ...this.#read(sliced), texts: { decision, facts } };
    if (this.#kept++ >= TEXTS_KEPT_MAX) {
      this.#runs.clear();
      this.#kept = 0;
    }
    this.#runs.set(where, byUses.set(uses, [...runs, made]));
    return made;
  }

  #read({ decision, facts, uses, where }: EntryText): Known {
    const text = `{"decision":${decision},"facts":${facts},"meta":{},${uses},${where}}`;
    const entry = JSON.parse(text) as DecisionEntry;
    const action = loggedAction({ ...entry, kind: 'decision' }, this.#blobs);
    return isAction(action)
      ? aboutEntry(entry, action.requests)
      : { ...aboutEntry(entry, []), skip: action };
  }
}

/** What one set says, asked once for each question. */
class Answers {
  readonly #set: PolicySet;
  readonly #blobs: BlobReader;
  readonly #metaReads: ReadonlySet<string> | undefined;
  readonly #metas = new MetaReader();
  readonly #entities = new Map<string, PreparedEntities | undefined>();
  /** By those members of `meta` that the set reads. */
  readonly #rulings = new WeakMap<Run, Map<string, Ruling>>();

  constructor(set: PolicySet, blobs: BlobReader) {
    this.#set = set;
    this.#blobs = blobs;
    this.#metaReads = metaReads(set.policies);
  }

  ruleWhole(entry: DecisionEntry, { requests, entities }: Action): Ruling {
    return ruleAgain(this.#set, entry, requests, this.#set.engine.prepare(entities));
  }

  /**
   * A ruling follows from policies, request and inputs alone: where two entries of one run differ only in
   * members of `meta` that the set does not read, it says the same to both. Undefined where the entities
   * are gone.
   */
  rule(run: Run, { meta, time }: EntryText): Ruling | undefined {
    const { decision } = run;
    const entities = this.#entitiesOf(decision.entities);
    if (entities === undefined) return undefined;
    const ask = (): Ruling =>
      ruleAgain(this.#set, { decision, time }, this.#requestsOf(run, meta), entities);
    // Whether a grant was still good depends on the time of the entry.
    if (this.#metaReads === undefined || decision.inputs?.grants !== undefined) return ask();
    const rulings = this.#rulings.get(run) ?? new Map<string, Ruling>();
    const read = membersText(meta, this.#metaReads);
    const known = rulings.get(read);
    if (known !== undefined) return known;
    const ruling = ask();
    if (rulings.size >= RULINGS_KEPT_MAX) rulings.clear();
    this.#rulings.set(run, rulings.set(read, ruling));
    return ruling;
  }

  #requestsOf({ requests }: Run, text: string): readonly Request[] {
    const meta = this.#metas.read(text);
    return requests.map(({ principal, action, resource, context }) => ({
      principal,
      action,
      resource,
      context: { ...context, meta },
    }));
  }

  #entitiesOf(digest: string): PreparedEntities | undefined {
    if (this.#entities.has(digest)) return this.#entities.get(digest);
    const bytes = this.#blobs(digest);
    const entities = bytes && this.#set.engine.prepare(entitiesOf(bytes));
    if (this.#entities.size >= TEXTS_KEPT_MAX) this.#entities.clear();
    this.#entities.set(digest, entities);
    return entities;
  }
}

function aboutEntry(entry: DecisionEntry, requests: readonly Request[]): Known {
  const { decision, principal, resources, statement } = entry;
  return {
    decision,
    requests,
    statement: statement ?? '(does not parse)',
    principal: principal === undefined ? '(nobody)' : `${principal.type} ${principal.id}`,
    resources: resources.map(({ type, id }) => `${type} ${id}`),
  };
}

const equal = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((one, at) => one === b[at]);

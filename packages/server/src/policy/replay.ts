/**
 * A candidate set over decisions that were made: what it would have said to the very same questions. History,
 * counters and grants are taken as they were recorded: a decision that the candidate would have made
 * otherwise does not change what came after it, so decisions are replayed in any order and by any number of
 * workers.
 */
import { CedarError } from '@sealrail/cedar';
import {
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
  /** What the candidate says, by those members of `meta` that it reads. */
  readonly rulings: Map<string, Ruling>;
}

export class Replayer {
  readonly tally = new Tally();
  readonly #set: PolicySet;
  readonly #blobs: BlobReader;
  readonly #runs = new Map<string, Map<string, Run[]>>();
  readonly #metas = new MetaReader();
  readonly #entities = new Map<string, PreparedEntities | undefined>();
  readonly #metaReads: ReadonlySet<string> | undefined;
  #kept = 0;

  constructor(set: PolicySet, blobs: BlobReader) {
    this.#set = set;
    this.#blobs = blobs;
    this.#metaReads = metaReads(set.policies);
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
    const entities = run.skip === undefined ? this.#entitiesOf(run.decision.entities) : undefined;
    if (entities === undefined) this.tally.addNotReplayed(run.skip ?? 'blob-missing');
    else this.#compare(index, sliced.id, run, this.#rulingOf(run, sliced, entities));
  }

  /**
   * A ruling follows from policies, request and inputs alone: where two entries of one run differ only in
   * members of `meta` that the candidate does not read, it says the same to both.
   */
  #rulingOf(run: Run, { meta, time }: EntryText, entities: PreparedEntities): Ruling {
    const { decision } = run;
    const ask = (): Ruling =>
      ruleAgain(this.#set, { decision, time }, this.#requestsOf(run, meta), entities);
    // Whether a grant was still good depends on the time of the entry.
    if (this.#metaReads === undefined || decision.inputs?.grants !== undefined) return ask();
    const read = membersText(meta, this.#metaReads);
    const known = run.rulings.get(read);
    if (known !== undefined) return known;
    const ruling = ask();
    if (run.rulings.size >= RULINGS_KEPT_MAX) run.rulings.clear();
    run.rulings.set(read, ruling);
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

  #replayWhole(index: number, entry: ReturnType<typeof parseEntry>, since: string): void {
    if (entry.kind !== 'decision' || entry.time < since) return;
    const action = loggedAction(entry, this.#blobs);
    if (!isAction(action)) {
      this.tally.addNotReplayed(action);
      return;
    }
    const entities = this.#set.engine.prepare(action.entities);
    const ruling = ruleAgain(this.#set, entry, action.requests, entities);
    this.#compare(index, entry.id, aboutEntry(entry, action.requests), ruling);
  }

  #compare(index: number, id: string, known: Known, made: Ruling): void {
    const { decision, statement, principal, resources } = known;
    if (made.verdict === decision.verdict) {
      this.tally.addSame(
        made.code !== decision.code || !equal(made.determining, decision.determining),
      );
      return;
    }
    // What let it pass says less than what stops it: the stricter of both answers is named.
    const stricter = made.verdict === 'allow' ? decision : made;
    const { determining, code } = stricter;
    this.tally.addChanged({
      index,
      id,
      statement,
      principal,
      resources,
      from: decision.verdict,
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
    const made = { ...this.#read(sliced), texts: { decision, facts }, rulings: new Map() };
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

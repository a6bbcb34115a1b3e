/**
 * A candidate set over decisions that were made: what it would have said to the very same questions. History,
 * counters and grants are taken as they were recorded: a decision that the candidate would have made
 * otherwise does not change what came after it, so decisions are replayed in any order and by any number of
 * workers.
 */
import { CedarError, recordFromJson } from '@sealrail/cedar';
import {
  type Action,
  type BlobReader,
  type DecisionEntry,
  type Entity,
  entitiesOf,
  isAction,
  judgeAgain,
  type LoggedDecision,
  loggedAction,
  type PolicySet,
  parseEntry,
  type Request,
  SealrailError,
} from '@sealrail/sdk';
import { type EntryText, sliceEntry } from './entry-text.ts';
import { Tally } from './replay-tally.ts';

/** Texts that are parsed once each; past it all of them are forgotten. */
export const TEXTS_KEPT_MAX = 20_000;

/** What of an entry does not change from one run of a statement to the next. */
interface Known {
  readonly decision: LoggedDecision;
  /** Why there is nothing to replay. */
  readonly skip?: string;
  readonly requests: readonly Request[];
  readonly statement: string;
  readonly principal: string;
  readonly resources: readonly string[];
}

export class Replayer {
  readonly tally = new Tally();
  readonly #set: PolicySet;
  readonly #blobs: BlobReader;
  readonly #known = new Map<string, Known>();
  readonly #entities = new Map<string, readonly Entity[] | undefined>();

  constructor(set: PolicySet, blobs: BlobReader) {
    this.#set = set;
    this.#blobs = blobs;
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
    const known = this.#knownOf(sliced);
    const { decision, skip } = known;
    const entities = skip === undefined ? this.#entitiesOf(decision.entities) : undefined;
    if (entities === undefined) {
      this.tally.addNotReplayed(skip ?? 'blob-missing');
      return;
    }
    const meta = recordFromJson(JSON.parse(sliced.meta));
    const requests = known.requests.map((one) => ({ ...one, context: { ...one.context, meta } }));
    this.#compare(index, sliced, known, { requests, entities });
  }

  #replayWhole(index: number, entry: ReturnType<typeof parseEntry>, since: string): void {
    if (entry.kind !== 'decision' || entry.time < since) return;
    const action = loggedAction(entry, this.#blobs);
    if (isAction(action)) this.#compare(index, entry, aboutEntry(entry, action.requests), action);
    else this.tally.addNotReplayed(action);
  }

  #compare(
    index: number,
    { id, time }: { readonly id: string; readonly time: string },
    known: Known,
    action: Action,
  ): void {
    const { decision, statement, principal, resources } = known;
    const made = judgeAgain(this.#set, decision, time, action);
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

  #knownOf({ decision, facts, uses, where }: EntryText): Known {
    const key = `${decision}\n${facts}\n${uses}\n${where}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const text = `{"decision":${decision},"facts":${facts},"meta":{},${uses},${where}}`;
    const entry = JSON.parse(text) as DecisionEntry;
    const action = loggedAction({ ...entry, kind: 'decision' }, this.#blobs);
    const made = isAction(action)
      ? aboutEntry(entry, action.requests)
      : { ...aboutEntry(entry, []), skip: action };
    if (this.#known.size >= TEXTS_KEPT_MAX) this.#known.clear();
    this.#known.set(key, made);
    return made;
  }

  #entitiesOf(digest: string): readonly Entity[] | undefined {
    if (this.#entities.has(digest)) return this.#entities.get(digest);
    const bytes = this.#blobs(digest);
    const entities = bytes && entitiesOf(bytes);
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

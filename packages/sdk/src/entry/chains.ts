/**
 * Every source numbers and chains its entries (SPEC, Source chains), so that one that never reached the
 * log leaves a hole that anybody can see. Pure; fed with a log's entries in their order.
 */
import { leafHash, sha256, toHex } from '@sealrail/tlog';
import { SealrailError } from '../errors.ts';
import type { Entry } from './entry.ts';
import { parseEntry } from './parse.ts';
import { NO_PREVIOUS } from './recorder.ts';

export interface ChainFinding {
  /**
   * `gap`: entries are missing. `fork`: two entries claim one place, or an old process wrote on after a
   * newer one began. `altered`: the predecessor is not the one that the source wrote.
   * `unreadable`: no entry. `too-many-sources`: this one and those after it are not followed.
   */
  readonly rule: 'gap' | 'fork' | 'altered' | 'unreadable' | 'too-many-sources';
  /** 0-based, in the log. */
  readonly index: number;
  readonly source: string;
  readonly message: string;
}

/** A log may be somebody else's: one that names a new source in every entry must not fill the memory. */
export const SOURCES_MAX = 100_000;

interface Seen {
  readonly epoch: number;
  readonly seq: number;
  readonly hash: string;
}

export interface SourceChainsOptions {
  /** False where the log's start is pruned: then the first entry of a source may be any. */
  readonly complete: boolean;
  readonly sourcesMax?: number;
}

export class SourceChains {
  readonly #options: SourceChainsOptions;
  readonly #seen = new Map<string, Seen>();

  constructor(options: SourceChainsOptions) {
    this.#options = options;
  }

  /** What is wrong with the entry at this index, given those before it. */
  add(index: number, bytes: Uint8Array): ChainFinding[] {
    let entry: Entry;
    try {
      entry = parseEntry(bytes);
    } catch (error) {
      if (!(error instanceof SealrailError)) throw error;
      return [{ rule: 'unreadable', index, source: '', message: error.message }];
    }
    const { id: source, epoch } = entry.source;
    const last = this.#seen.get(source);
    if (last === undefined && this.#seen.size >= (this.#options.sourcesMax ?? SOURCES_MAX)) {
      return [{ rule: 'too-many-sources', index, source, message: 'its chain was not checked' }];
    }
    const broken = last ? follows(last, entry) : this.#begins(entry);
    // A fork is not taken over: the entries after it are compared with the chain that came first.
    if (broken?.rule !== 'fork') {
      this.#seen.set(source, { epoch, seq: entry.seq, hash: toHex(leafHash(bytes, sha256)) });
    }
    return broken ? [{ ...broken, index, source }] : [];
  }

  /** Where a source's chain stands, for its next epoch: its highest epoch and its last entry's leaf hash. */
  last(source: string): { readonly epoch: number; readonly hash: string } | undefined {
    return this.#seen.get(source);
  }

  #begins({ seq, prev }: Entry): Broken | undefined {
    if (!this.#options.complete) return undefined;
    if (seq > 0) return { rule: 'gap', message: `its first entry has number ${seq}` };
    if (prev !== NO_PREVIOUS) {
      return { rule: 'gap', message: `its first entry names a predecessor, ${prev}` };
    }
    return undefined;
  }
}

type Broken = Pick<ChainFinding, 'rule' | 'message'>;

function follows(last: Seen, { source, seq, prev }: Entry): Broken | undefined {
  const { epoch } = source;
  if (epoch < last.epoch) {
    return { rule: 'fork', message: `epoch ${epoch} writes on after epoch ${last.epoch} began` };
  }
  const expected = epoch === last.epoch ? last.seq + 1 : 0;
  if (seq < expected) {
    return { rule: 'fork', message: `number ${seq} of epoch ${epoch} comes a second time` };
  }
  if (seq > expected) {
    const count = seq - expected;
    return { rule: 'gap', message: `${count} missing before number ${seq} of epoch ${epoch}` };
  }
  if (prev === last.hash) return undefined;
  return epoch === last.epoch
    ? { rule: 'altered', message: `number ${seq} names another predecessor than the one before it` }
    : { rule: 'gap', message: `epoch ${epoch} continues an entry that is not in the log` };
}

/** All at once, for a log that fits into memory. */
export function checkSources(
  entries: Iterable<Uint8Array>,
  options: SourceChainsOptions = { complete: true },
): ChainFinding[] {
  const chains = new SourceChains(options);
  const findings: ChainFinding[] = [];
  let index = 0;
  for (const bytes of entries) findings.push(...chains.add(index++, bytes));
  return findings;
}

/**
 * Behind the acks, one loop: read frames back from the file → hash → bundles and tiles → sign exactly that
 * size → LastSigned, durable → publish. Reads the file and not the memory, so that what is signed is what
 * the disk gives back (a log of others was ended by a bit that flipped between hashing and writing).
 */
import { encodeUtf8 } from './bytes.ts';
import { formatCheckpoint } from './checkpoint.ts';
import type { Clock } from './clock.ts';
import type { Files } from './files/files.ts';
import type { Journal } from './journal/journal.ts';
import { writeMark } from './journal/mark.ts';
import type { LastSigned, SignedCheckpoint } from './last-signed.ts';
import { formatNote, type Signer } from './note.ts';
import { TILE_WIDTH } from './tile.ts';
import type { Tree } from './tree/tree.ts';

/** At most this often; and publication is what bounds the number of partial tiles that stay. */
export const PUBLISH_MS = 1_000;
/** Read back at a time. */
const READ_BYTES = 256 << 10;
/** Hashed between two looks at the appends: about a tenth of a millisecond. */
const HASH_TOGETHER = 32;

export interface LoopOptions {
  readonly files: Files;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly journalFolder: string;
  readonly tree: Tree;
  readonly lastSigned: LastSigned;
  readonly signed: SignedCheckpoint;
  /** What is published at the start: `signed`, or with witnesses perhaps an older one. */
  readonly published: SignedCheckpoint;
  readonly signer: Signer;
}

export interface LoopHooks {
  readonly onGrown: () => void;
  readonly check: () => void;
  /** With witnesses: gets each checkpoint once it is recorded, and calls `publish` when it is good enough. */
  readonly onSigned?: (signed: SignedCheckpoint) => void;
}

export class Loop {
  readonly #options: LoopOptions;
  #signed: SignedCheckpoint;
  #published: SignedCheckpoint;
  #publishedAt = Number.NEGATIVE_INFINITY;
  #retiring: Promise<void> | undefined;
  /** Of entries, each with two of length, that went into the tree since the start. */
  #grownBytes = 0;
  readonly #hooks: LoopHooks;

  /** `onGrown` is called whenever `grownBytes` has risen; `check` throws once the log has failed. */
  constructor(options: LoopOptions, hooks: LoopHooks) {
    this.#options = options;
    this.#hooks = hooks;
    this.#signed = options.signed;
    this.#published = options.published;
  }

  /** Newest checkpoint that LastSigned records. */
  get signed(): SignedCheckpoint {
    return this.#signed;
  }

  get published(): SignedCheckpoint {
    return this.#published;
  }

  get grownBytes(): number {
    return this.#grownBytes;
  }

  /**
   * One turn, up to this size, which is durable. LOG_STALLED where the disk is full: a later turn goes on
   * where this one stopped. Any other failure is final.
   */
  async turn(size: number, final: boolean): Promise<void> {
    const { tree, clock } = this.#options;
    await this.#grow(size);
    if (BigInt(tree.size) > this.#signed.size) await this.#sign();
    if (this.#hooks.onSigned) return;
    const due = clock.now() - this.#publishedAt >= PUBLISH_MS;
    if (this.#signed !== this.#published && (due || final)) {
      await this.publish(this.#signed, this.#signed.note);
      this.#published = this.#signed;
    }
  }

  /** `note` is that of `signed`, perhaps with signatures of others. An older one than is out stays in. */
  async publish(signed: SignedCheckpoint, note: Uint8Array): Promise<void> {
    this.#hooks.check();
    if (signed.size < this.#published.size) return;
    await this.#options.tree.publish(Number(signed.size), note);
    this.#published = { ...signed, note };
    this.#publishedAt = this.#options.clock.now();
  }

  async #grow(size: number): Promise<void> {
    const { tree, journal } = this.#options;
    await tree.writeFull();
    while (tree.size < size) {
      const read = await journal.read(tree.size, READ_BYTES);
      // Nothing that is not in the tree is ever retired.
      if (!read) throw new RangeError(`entry ${tree.size} is in no segment`);
      for (let at = 0; at < read.entries.length && tree.size < size; at += HASH_TOGETHER) {
        const end = Math.min(at + HASH_TOGETHER, at + size - tree.size);
        const entries = read.entries.slice(at, end);
        tree.add(entries);
        for (const entry of entries) this.#grownBytes += entry.length + 2;
        this.#hooks.onGrown();
        await new Promise<void>((resolve) => this.#options.clock.soon(resolve));
      }
      this.#hooks.check();
      await tree.writeFull();
    }
  }

  async #sign(): Promise<void> {
    const { tree, signer, lastSigned } = this.#options;
    this.#hooks.check();
    await tree.writePartials();
    const checkpoint = { origin: signer.key.name, size: BigInt(tree.size), root: tree.root() };
    const next = signCheckpoint(checkpoint, signer);
    this.#hooks.check();
    await lastSigned.replace(this.#signed, next);
    this.#signed = next;
    this.#hooks.onSigned?.(next);
  }

  /**
   * Tiles first, then the mark, then the segments: whatever crashes, one of journal and tree has every
   * entry. Runs beside the turns, so that signing does not wait for the flushes of thousands of tiles.
   */
  retire(): Promise<void> {
    this.#retiring ??= this.#retire().finally(() => {
      this.#retiring = undefined;
    });
    return this.#retiring;
  }

  /** Resolves when no retiring is under way, however it ended. */
  async retired(): Promise<void> {
    await this.#retiring?.catch(() => undefined);
  }

  async #retire(): Promise<void> {
    const { journal, tree, files, journalFolder } = this.#options;
    const signed = Number(this.#signed.size);
    const mark = signed - (signed % TILE_WIDTH);
    if (!journal.retirable(mark)) return;
    await tree.makeDurable(mark);
    await writeMark(files, journalFolder, mark);
    await journal.retire(mark);
  }
}

export function signCheckpoint(
  checkpoint: { origin: string; size: bigint; root: Uint8Array },
  signer: Signer,
): SignedCheckpoint {
  const text = formatCheckpoint(checkpoint);
  const blob = signer.sign(encodeUtf8(text));
  const { name, id } = signer.key;
  return { ...checkpoint, note: formatNote({ text, signatures: [{ name, id, blob }] }) };
}

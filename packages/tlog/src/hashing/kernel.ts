/**
 * The vector kernel (kernel/sha256.ts) behind the port: copies messages into its memory, slot by slot, and
 * digests out of it. One instance a thread; hashing is synchronous, so no two calls are ever at work at once.
 */
import { fromBase64 } from '../bytes.ts';
import { leafHash, subtreeRoot } from '../merkle.ts';
import { HASH_BYTES, type Sha256 } from '../sha256.ts';
import { type Hashing, plainHashing } from './hashing.ts';
import { KERNEL } from './kernel.generated.ts';

/** Four lanes: fewer messages leave some of them idle. */
const LANES = 4;
/** Of one call of the kernel: some tenths of a millisecond. */
export const BATCH_MESSAGES_MAX = 256;
export const BATCH_BYTES_MAX = 256 << 10;
/** A longer message is worth a call of its own, by code that uses the processor's instructions for it. */
export const MESSAGE_BYTES_MAX = 8 << 10;
const BLOCK_BYTES = 64;
const PAGE_BYTES = 64 << 10;
const NODE_SCRATCH_BYTES = 4 * 2 * BLOCK_BYTES;

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly FREE: { readonly value: number };
  hash(offsets: number, lengths: number, digests: number, count: number): void;
  root(hashes: number, count: number, scratch: number): void;
}

/** What every platform with WebAssembly has, without the types of browsers. */
interface Platform {
  readonly WebAssembly?: {
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (module: object) => { readonly exports: unknown };
    validate(bytes: Uint8Array): boolean;
  };
}

/** The kernel where there are vectors, and `sha256` for what it does not pay for; else `sha256` alone. */
export function openHashing(sha256: Sha256): Hashing {
  return openKernel(sha256) ?? plainHashing(sha256);
}

/** Undefined where this platform has no vectors in WebAssembly. */
export function openKernel(sha256: Sha256): Hashing | undefined {
  const { WebAssembly } = globalThis as Platform;
  const bytes = fromBase64(KERNEL);
  if (!WebAssembly || !bytes || !WebAssembly.validate(bytes)) return undefined;
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  return new Kernel(instance.exports as Exports, sha256);
}

class Kernel implements Hashing {
  readonly #exports: Exports;
  readonly sha256: Sha256;
  readonly #offsets: number;
  readonly #lengths: number;
  readonly #digests: number;
  readonly #messages: number;
  #bytes: Uint8Array;
  #words: Uint32Array;

  constructor(exports: Exports, sha256: Sha256) {
    this.#exports = exports;
    this.sha256 = sha256;
    this.#offsets = Math.ceil(exports.FREE.value / BLOCK_BYTES) * BLOCK_BYTES;
    this.#lengths = this.#offsets + BATCH_MESSAGES_MAX * 4;
    this.#digests = this.#lengths + BATCH_MESSAGES_MAX * 4;
    this.#messages = this.#digests + BATCH_MESSAGES_MAX * HASH_BYTES + NODE_SCRATCH_BYTES;
    const end = this.#messages + BATCH_BYTES_MAX + MESSAGE_BYTES_MAX + 2 * BLOCK_BYTES;
    exports.memory.grow(Math.ceil(end / PAGE_BYTES));
    this.#bytes = new Uint8Array(exports.memory.buffer);
    this.#words = new Uint32Array(exports.memory.buffer);
  }

  leaves(entries: readonly Uint8Array[]): readonly Uint8Array[] {
    if (entries.length < LANES) return entries.map((entry) => leafHash(entry, this.sha256));
    const found: Uint8Array[] = [];
    for (let from = 0; from < entries.length; ) {
      const entry = entries[from];
      if (entry && entry.length > MESSAGE_BYTES_MAX) {
        found.push(leafHash(entry, this.sha256));
        from++;
      } else {
        from += this.#batch(entries, from, found);
      }
    }
    return found;
  }

  /** As many as have room, up to the next long one; returns how many that were. */
  #batch(entries: readonly Uint8Array[], from: number, found: Uint8Array[]): number {
    let at = this.#messages;
    let count = 0;
    for (; count < BATCH_MESSAGES_MAX; count++) {
      const entry = entries[from + count];
      if (!entry || entry.length > MESSAGE_BYTES_MAX) break;
      if (at > this.#messages + BATCH_BYTES_MAX) break;
      // RFC 6962 §2.1: what tells a leaf from a node.
      this.#bytes[at] = 0;
      this.#bytes.set(entry, at + 1);
      const length = entry.length + 1;
      this.#words[(this.#offsets >> 2) + count] = at;
      this.#words[(this.#lengths >> 2) + count] = length;
      at += ((length + 72) >> 6) * BLOCK_BYTES;
    }
    this.#exports.hash(this.#offsets, this.#lengths, this.#digests, count);
    // One copy for all: a hash of its own buffer each would cost as much as hashing it.
    const digests = this.#bytes.slice(this.#digests, this.#digests + count * HASH_BYTES);
    for (let i = 0; i < count; i++)
      found.push(digests.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
    return count;
  }

  root(hashes: readonly Uint8Array[]): Uint8Array {
    const count = hashes.length;
    if (count < 2 * LANES || count > BATCH_MESSAGES_MAX) return subtreeRoot(hashes, this.sha256);
    if ((count & (count - 1)) !== 0) throw new RangeError(`${count} hashes are no whole subtree`);
    for (let i = 0; i < count; i++)
      this.#bytes.set(hashes[i] as Uint8Array, this.#digests + i * HASH_BYTES);
    const scratch = this.#messages - NODE_SCRATCH_BYTES;
    this.#exports.root(this.#digests, count, scratch);
    return this.#bytes.slice(this.#digests, this.#digests + HASH_BYTES);
  }
}

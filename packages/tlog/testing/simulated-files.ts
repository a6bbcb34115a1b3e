/**
 * A disk in memory that keeps exactly what it promised to keep. Contents reach it by `datasync`, names by
 * `syncDirectory`; at a power cut everything else may be there, may be gone, or, block by block, may be half
 * there. After a kill the page cache is still there: what was written reads back, and was never flushed.
 */
import type { Files, OpenFile } from '../src/files/files.ts';

const BLOCK_BYTES = 4_096;

interface Inode {
  /** What a reader sees. */
  cached: Buffer;
  /** What a power cut leaves for sure. */
  durable: Buffer;
}

export type Random = () => number;

export function seededRandom(seed: number): Random {
  let state = (seed * 2_654_435_761) >>> 0;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 1 | state) + 0x6d2b79f5) >>> 0;
    state ^= state + Math.imul(state ^ (state >>> 7), 61 | state);
    return ((state ^ (state >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class Crash extends Error {}

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));

/** What happens at one operation: the process dies before it or after it, or it fails with or without effect. */
export interface Fault {
  readonly at: number;
  readonly kind: 'crash-before' | 'crash-after' | 'fail-and-not-persist' | 'fail-but-persist';
}

export class SimulatedFiles implements Files {
  #names: Map<string, Inode>;
  #durableNames: Map<string, Inode>;
  /** A disk whose flushes do nothing: what the harness must be able to catch. */
  readonly lies: boolean;
  #operations = 0;
  #dead = false;
  fault: Fault | undefined;

  constructor(names: Map<string, Inode> = new Map(), lies = false) {
    this.#names = names;
    this.#durableNames = new Map(names);
    this.lies = lies;
  }

  get operations(): number {
    return this.#operations;
  }

  /** Every operation that changes something goes through here, and may be where the machine stops. */
  async #change<T>(effect: () => T): Promise<T> {
    if (this.#dead) throw new Crash('the process is dead');
    await Promise.resolve();
    const { fault } = this;
    if (fault?.at !== this.#operations++) return effect();
    if (fault.kind === 'crash-after' || fault.kind === 'fail-but-persist') effect();
    if (fault.kind.startsWith('crash')) {
      this.#dead = true;
      throw new Crash('the machine stopped');
    }
    throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
  }

  #inode(path: string): Inode {
    const found = this.#names.get(path);
    if (!found) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    return found;
  }

  async makeDirectory(): Promise<void> {
    if (this.#dead) throw new Crash('the process is dead');
  }

  async list(folder: string): Promise<string[]> {
    if (this.#dead) throw new Crash('the process is dead');
    const inside = [...this.#names.keys()].filter((path) => path.startsWith(`${folder}/`));
    return [...new Set(inside.map((path) => path.slice(folder.length + 1).split('/')[0] ?? ''))];
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    if (this.#dead) throw new Crash('the process is dead');
    const found = this.#names.get(path);
    return found && Uint8Array.from(found.cached);
  }

  write(path: string, bytes: Uint8Array): Promise<void> {
    return this.#change(() => {
      const inode = this.#names.get(path) ?? { cached: Buffer.alloc(0), durable: Buffer.alloc(0) };
      inode.cached = Buffer.from(bytes);
      this.#names.set(path, inode);
    });
  }

  async open(path: string, how: 'create' | 'update'): Promise<OpenFile> {
    if (how === 'create') await this.write(path, new Uint8Array());
    const inode = this.#inode(path);
    return {
      size: inode.cached.length,
      read: async (position, length) =>
        Uint8Array.from(inode.cached.subarray(position, position + length)),
      write: (position, bytes) =>
        this.#change(() => {
          const end = position + bytes.length;
          if (end > inode.cached.length)
            inode.cached = Buffer.concat([inode.cached, Buffer.alloc(end - inode.cached.length)]);
          inode.cached.set(bytes, position);
        }),
      datasync: () => this.#change(() => this.#flush(inode)),
      close: async () => undefined,
    };
  }

  #flush(inode: Inode): void {
    if (!this.lies) inode.durable = Buffer.from(inode.cached);
  }

  rename(from: string, to: string): Promise<void> {
    return this.#change(() => {
      const inode = this.#inode(from);
      this.#names.delete(from);
      this.#names.set(to, inode);
    });
  }

  remove(path: string): Promise<void> {
    return this.#change(() => {
      for (const name of [...this.#names.keys()])
        if (name === path || name.startsWith(`${path}/`)) this.#names.delete(name);
    });
  }

  datasync(path: string): Promise<void> {
    return this.#change(() => this.#flush(this.#inode(path)));
  }

  syncDirectory(folder: string): Promise<void> {
    return this.#change(() => {
      if (this.lies) return;
      for (const path of new Set([...this.#names.keys(), ...this.#durableNames.keys()])) {
        if (folderOf(path) !== folder) continue;
        const inode = this.#names.get(path);
        if (inode) this.#durableNames.set(path, inode);
        else this.#durableNames.delete(path);
      }
    });
  }

  /** The disk that the next process finds. */
  after(end: 'kill' | 'power-cut', random: Random): SimulatedFiles {
    if (end === 'kill') {
      // The cache survives; the promises of the disk are what they were.
      const next = new SimulatedFiles(this.#names, this.lies);
      next.#durableNames = this.#durableNames;
      return next;
    }
    const names = new Map<string, Inode>();
    for (const path of new Set([...this.#names.keys(), ...this.#durableNames.keys()])) {
      const [now, kept] = [this.#names.get(path), this.#durableNames.get(path)];
      const inode = now === kept || random() < 0.5 ? now : kept;
      if (inode) names.set(path, inode);
    }
    const settled = new Map<Inode, Inode>();
    for (const inode of names.values())
      if (!settled.has(inode)) settled.set(inode, torn(inode, random));
    return new SimulatedFiles(
      new Map([...names].map(([path, inode]) => [path, settled.get(inode) as Inode])),
      this.lies,
    );
  }
}

/** Blocks that were written and not flushed: each there or not, in any order, the last one perhaps in part. */
function torn({ cached, durable }: Inode, random: Random): Inode {
  const grown = random() < 0.5 ? cached.length : durable.length;
  const bytes = Buffer.alloc(grown);
  durable.copy(bytes, 0, 0, Math.min(grown, durable.length));
  for (let at = 0; at < Math.min(grown, cached.length); at += BLOCK_BYTES) {
    if (random() < 0.5) continue;
    const whole = Math.min(BLOCK_BYTES, cached.length - at, grown - at);
    const length = random() < 0.2 ? Math.floor(random() * whole) : whole;
    cached.copy(bytes, at, at, at + length);
  }
  return { cached: bytes, durable: Buffer.from(bytes) };
}

/**
 * A disk in memory that keeps only what was flushed: a power cut loses, tears or keeps the rest, and one
 * operation can be made to fail, with or without having taken effect.
 */
import type { Files, OpenFile } from '../src/entry/side/files.ts';

export type Operation = 'create' | 'write' | 'datasync' | 'rename' | 'erase' | 'syncDirectory';

export interface Fault {
  readonly operation: Operation;
  readonly path: RegExp;
  /** A failed call may have taken effect all the same: both must be survived. */
  readonly persist: boolean;
}

interface Inode {
  volatile: Buffer;
  durable: Buffer;
}

export class Disk implements Files {
  fault: Fault | undefined;
  readonly flushes: string[] = [];
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();

  async makeDirectory(): Promise<void> {}

  async list(folder: string): Promise<string[]> {
    const inside = [...this.#names.keys()].filter((path) => path.startsWith(`${folder}/`));
    return inside
      .map((path) => path.slice(folder.length + 1))
      .filter((name) => !name.includes('/'));
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    const inode = this.#names.get(path);
    return inode && Buffer.from(inode.volatile);
  }

  create(path: string): Promise<OpenFile> {
    return this.#perform('create', path, () => {
      const inode: Inode = { volatile: Buffer.alloc(0), durable: Buffer.alloc(0) };
      this.#names.set(path, inode);
      return {
        write: (position, bytes) =>
          this.#perform('write', path, () => {
            const grown = Buffer.alloc(Math.max(inode.volatile.length, position + bytes.length));
            inode.volatile.copy(grown);
            grown.set(bytes, position);
            inode.volatile = grown;
          }),
        datasync: () =>
          this.#perform('datasync', path, () => {
            this.flushes.push(path);
            inode.durable = inode.volatile;
          }),
        close: async () => {},
      };
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#perform('rename', to, () => {
      const inode = this.#names.get(from);
      if (inode === undefined) throw new Error(`${from} is missing`);
      this.#names.delete(from);
      this.#names.set(to, inode);
    });
  }

  erase(path: string): Promise<void> {
    return this.#perform('erase', path, () => {
      const inode = this.#names.get(path);
      if (inode === undefined) throw new Error(`${path} is missing`);
      inode.volatile = Buffer.alloc(inode.volatile.length);
      inode.durable = inode.volatile;
      this.#names.delete(path);
    });
  }

  syncDirectory(folder: string): Promise<void> {
    return this.#perform('syncDirectory', folder, () => {
      this.flushes.push(folder);
      const inside = (path: string) => path.startsWith(`${folder}/`);
      for (const path of this.#durableNames.keys())
        if (inside(path)) this.#durableNames.delete(path);
      for (const [path, inode] of this.#names)
        if (inside(path)) this.#durableNames.set(path, inode);
    });
  }

  /** The same disk after a power cut: what was not flushed is gone, there, or there by half. */
  cut(unflushed: 'lost' | 'torn' | 'kept'): Disk {
    const after = new Disk();
    for (const [path, inode] of unflushed === 'lost' ? this.#durableNames : this.#names) {
      const { durable, volatile } = inode;
      const half = durable.length + Math.floor((volatile.length - durable.length) / 2);
      const bytes = { lost: durable, torn: volatile.subarray(0, half), kept: volatile }[unflushed];
      after.#put(path, bytes);
    }
    return after;
  }

  /** Somebody's hand: puts bytes there, durable. */
  #put(path: string, bytes: Uint8Array): void {
    const inode = { volatile: Buffer.from(bytes), durable: Buffer.from(bytes) };
    this.#names.set(path, inode);
    this.#durableNames.set(path, inode);
  }

  alter(path: string, change: (bytes: Buffer) => Uint8Array | undefined): void {
    const changed = change(Buffer.from(this.#names.get(path)?.volatile ?? []));
    this.#names.delete(path);
    this.#durableNames.delete(path);
    if (changed) this.#put(path, changed);
  }

  async #perform<T>(operation: Operation, path: string, effect: () => T): Promise<T> {
    const { fault } = this;
    // A real disk answers later: whatever else is under way gets its turn first.
    await new Promise((resolve) => setImmediate(resolve));
    if (fault?.operation !== operation || !fault.path.test(path)) return effect();
    this.fault = undefined;
    if (fault.persist) effect();
    throw new Error(`${operation} of ${path} failed`);
  }
}

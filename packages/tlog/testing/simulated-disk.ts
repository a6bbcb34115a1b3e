/**
 * A disk that forgets what a disk may forget. Contents and names each exist twice: in the page cache, which
 * every reader sees, and on the medium. A power cut keeps of what was never synced any part: sectors of
 * writes, in any order, and any of the changes to directories; a rename is whole or not there.
 */

export const SECTOR_BYTES = 512;

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export type Random = () => number;

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Dirty {
  readonly position: number;
  readonly bytes: Uint8Array;
}

export class SimulatedFile {
  cache = new Uint8Array(0);
  #medium = new Uint8Array(0);
  /** Written since the last sync, oldest first. */
  #dirty: Dirty[] = [];

  write(position: number, bytes: Uint8Array): void {
    // Not slice: that of a Buffer is a view.
    const copy = new Uint8Array(bytes);
    this.#dirty.push({ position, bytes: copy });
    this.cache = overlay(this.cache, position, copy);
  }

  sync(): void {
    for (const { position, bytes } of this.#dirty)
      this.#medium = overlay(this.#medium, position, bytes);
    this.#dirty = [];
  }

  /** A sync that failed: the pages count as clean now, whether or not they were written. */
  forgetDirty(): void {
    this.#dirty = [];
  }

  powerCut(random: Random): void {
    for (const { position, bytes } of this.#dirty) {
      const kept = random();
      for (let at = 0; at < bytes.length; ) {
        const sectorEnd = SECTOR_BYTES - ((position + at) % SECTOR_BYTES);
        const end = Math.min(bytes.length, at + sectorEnd);
        if (random() < kept)
          this.#medium = overlay(this.#medium, position + at, bytes.subarray(at, end));
        at = end;
      }
    }
    this.#dirty = [];
    this.cache = this.#medium.slice();
  }
}

function overlay(under: Uint8Array<ArrayBuffer>, position: number, bytes: Uint8Array) {
  const end = position + bytes.length;
  let out = under;
  if (end > under.length) {
    out = new Uint8Array(end);
    out.set(under);
  }
  out.set(bytes, position);
  return out;
}

export class SimulatedDirectory {
  readonly cache = new Map<string, Inode>();
  readonly medium = new Map<string, Inode>();
}

export type Inode = SimulatedFile | SimulatedDirectory;

/** A change to names that is not on the medium yet. A rename is one change to two places. */
interface NameChange {
  readonly unset?: { readonly directory: SimulatedDirectory; readonly name: string; inode: Inode };
  readonly set?: { readonly directory: SimulatedDirectory; readonly name: string; inode: Inode };
}

export class SimulatedDisk {
  readonly #root = new SimulatedDirectory();
  #pending: NameChange[] = [];

  file(path: string): SimulatedFile | undefined {
    const inode = this.#find(path);
    return inode instanceof SimulatedFile ? inode : undefined;
  }

  directory(path: string): SimulatedDirectory | undefined {
    const inode = this.#find(path);
    return inode instanceof SimulatedDirectory ? inode : undefined;
  }

  makeDirectory(path: string): void {
    let at = this.#root;
    for (const name of names(path)) {
      let next = at.cache.get(name);
      if (!next) {
        next = new SimulatedDirectory();
        this.#change({ set: { directory: at, name, inode: next } });
      }
      if (!(next instanceof SimulatedDirectory)) throw new Error(`ENOTDIR: ${path}`);
      at = next;
    }
  }

  /** An empty file, whether or not there was one. */
  create(path: string): SimulatedFile {
    const inode = new SimulatedFile();
    this.#change({ set: { ...this.#place(path), inode } });
    return inode;
  }

  rename(from: string, to: string): void {
    const inode = this.#find(from);
    if (!inode) throw new Error(`ENOENT: ${from}`);
    const unset = { ...this.#place(from), inode };
    this.#change({ unset, set: { ...this.#place(to), inode } });
  }

  remove(path: string): void {
    const inode = this.#find(path);
    if (!inode) return;
    if (inode instanceof SimulatedDirectory)
      for (const name of [...inode.cache.keys()]) this.remove(`${path}/${name}`);
    this.#change({ unset: { ...this.#place(path), inode } });
  }

  syncDirectory(path: string): void {
    const directory = this.directory(path);
    if (!directory) throw new Error(`ENOENT: ${path}`);
    const touches = (change: NameChange): boolean =>
      change.set?.directory === directory || change.unset?.directory === directory;
    for (const change of this.#pending) if (touches(change)) apply(change, 'medium');
    this.#pending = this.#pending.filter((change) => !touches(change));
  }

  powerCut(random: Random): void {
    const kept = random();
    for (const change of this.#pending) if (random() < kept) apply(change, 'medium');
    this.#pending = [];
    const forget = (directory: SimulatedDirectory): void => {
      directory.cache.clear();
      for (const [name, inode] of directory.medium) {
        directory.cache.set(name, inode);
        if (inode instanceof SimulatedFile) inode.powerCut(random);
        else forget(inode);
      }
    };
    forget(this.#root);
  }

  #change(change: NameChange): void {
    apply(change, 'cache');
    this.#pending.push(change);
  }

  #find(path: string): Inode | undefined {
    let at: Inode | undefined = this.#root;
    for (const name of names(path))
      at = at instanceof SimulatedDirectory ? at.cache.get(name) : undefined;
    return at;
  }

  #place(path: string): { directory: SimulatedDirectory; name: string } {
    const parts = names(path);
    const name = parts.pop() ?? '';
    const directory = this.#find(`/${parts.join('/')}`);
    if (!(directory instanceof SimulatedDirectory)) throw new Error(`ENOENT: ${path}`);
    return { directory, name };
  }
}

const names = (path: string): string[] => path.split('/').filter((name) => name !== '');

function apply({ unset, set }: NameChange, where: 'cache' | 'medium'): void {
  // Changes may be lost before this one: what stands there by then may be another inode.
  if (unset && unset.directory[where].get(unset.name) === unset.inode)
    unset.directory[where].delete(unset.name);
  if (set) set.directory[where].set(set.name, set.inode);
}

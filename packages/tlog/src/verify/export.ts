/**
 * A verified copy of a published tree, made while the log grows. Everything is copied by verifying it: what
 * does not lead to the signed root does not become a copy, and what an earlier export left is read from
 * there, so that an export is also a check of the one before it.
 */
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { directorySource } from './directory.ts';
import type { Report } from './report.ts';
import type { TreeSource } from './source.ts';
import { type VerifyTreeOptions, verifyTree } from './tree.ts';

export interface ExportOptions extends Omit<VerifyTreeOptions, 'source'> {
  readonly from: TreeSource;
  /** Folder of the copy; what stands there of an earlier export is kept and checked. */
  readonly to: string;
}

export interface Exported {
  /** Of the copy. It has a checkpoint only where this is `ok`. */
  readonly report: Report;
  readonly filesCopied: number;
  readonly bytesCopied: number;
}

/** Throws where a file can be neither read nor written; then the copy is as it was, but for new tiles. */
export async function exportTree({ from, to, ...options }: ExportOptions): Promise<Exported> {
  const copy = new Copy(from, to);
  const report = await verifyTree({ ...options, source: copy });
  // Last, and only of a copy that holds: a folder without one is not taken for a log.
  if (report.ok) await copy.publish();
  return { report, filesCopied: copy.files, bytesCopied: copy.bytes };
}

class Copy implements TreeSource {
  files = 0;
  bytes = 0;
  readonly #from: TreeSource;
  readonly #to: string;
  readonly #there: TreeSource;
  readonly #folders = new Set<string>();
  #checkpoint: Uint8Array | undefined;

  constructor(from: TreeSource, to: string) {
    this.#from = from;
    this.#to = to;
    this.#there = directorySource(to);
  }

  async get(path: string): Promise<Uint8Array | undefined> {
    if (path === 'checkpoint') {
      this.#checkpoint = await this.#from.get(path);
      return this.#checkpoint;
    }
    // What stands at a tile's path never changes, so what was copied before is what has to be checked.
    const there = await this.#there.get(path);
    if (there) return there;
    const bytes = await this.#from.get(path);
    if (bytes) await this.#write(path, bytes);
    return bytes;
  }

  async publish(): Promise<void> {
    if (!this.#checkpoint) return;
    await this.#write('checkpoint', this.#checkpoint);
    // Names, once all contents are there: a copy that survives a power cut in parts has no checkpoint.
    for (const folder of this.#folders) await syncFolder(join(this.#to, folder));
  }

  async #write(path: string, bytes: Uint8Array): Promise<void> {
    const target = join(this.#to, path);
    await mkdir(dirname(target), { recursive: true });
    for (let at = dirname(path); ; at = dirname(at)) {
      this.#folders.add(at);
      if (at === '.') break;
    }
    const half = `${target}.new`;
    const file = await open(half, 'w', 0o644);
    try {
      await file.writeFile(bytes);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(half, target);
    this.files++;
    this.bytes += bytes.length;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

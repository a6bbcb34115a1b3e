/** One demo a folder. The kernel releases the lock with the process, whatever ended it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export interface DemoLock {
  release(): void;
}

/** The lock of this folder, or who holds it. */
export function lockDemo(folder: string): DemoLock | { readonly heldBy: string } {
  const holder = join(folder, 'demo.holder');
  const database = new DatabaseSync(join(folder, 'demo.lock'), { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch {
    database.close();
    return { heldBy: readText(holder) };
  }
  writeFileSync(holder, `process ${process.pid}`);
  return {
    release: () => {
      database.exec('ROLLBACK');
      database.close();
    },
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return 'another process';
  }
}

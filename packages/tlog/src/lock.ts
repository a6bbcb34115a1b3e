/**
 * One writer a log. Node has no flock, and a pid file outlives a kill -9; an exclusive SQLite transaction
 * is released by the kernel with the process, whatever ended it. Nothing in this process may open the
 * database file by itself: closing any descriptor of it would drop the lock (POSIX, fcntl(2)).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TlogError } from './errors.ts';

export interface Lock {
  release(): void;
}

const SQLITE_BUSY = 5;

/** Takes the lock in this folder, or throws LOG_LOCKED with who holds it. */
export function takeLock(folder: string): Lock {
  const holder = join(folder, 'lock.holder');
  const database = new DatabaseSync(join(folder, 'lock.sqlite'), { timeout: 0 });
  try {
    database.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    if ((cause as { errcode?: unknown }).errcode !== SQLITE_BUSY) throw cause;
    throw new TlogError('LOG_LOCKED', `another process holds this log${describe(holder)}`, {
      hint: 'stop it first; one log has one writer',
      cause,
    });
  }
  // For the message of whoever comes second, and for nothing else.
  const started = new Date(Date.now() - process.uptime() * 1_000).toISOString();
  writeFileSync(holder, `pid ${process.pid} on ${hostname()} since ${started}\n`, { mode: 0o600 });
  return {
    release: () => {
      database.exec('ROLLBACK');
      database.close();
    },
  };
}

function describe(holder: string): string {
  try {
    return `: ${readFileSync(holder, 'utf8').trim()}`;
  } catch {
    return '';
  }
}

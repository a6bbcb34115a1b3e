/**
 * What a witness remembers, in SQLite with every commit flushed. It belongs to one key: a new database
 * under a known key would cosign whatever it is shown first, as if it had never seen the log.
 */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { Witnessed, WitnessStore } from '@sealrail/tlog';
import { ConfigError } from '../config/errors.ts';

const TABLES = `
  CREATE TABLE witness (vkey TEXT NOT NULL) STRICT;
  CREATE TABLE log (
    origin TEXT PRIMARY KEY,
    size TEXT NOT NULL,
    root BLOB NOT NULL,
    time TEXT NOT NULL,
    note BLOB NOT NULL
  ) STRICT, WITHOUT ROWID;`;

export interface OpenWitnessStore extends WitnessStore {
  close(): void;
}

/** Refuses a file that is there: its memory must not be overwritten. */
export function createWitnessStore(path: string, vkey: string): void {
  if (existsSync(path)) throw refusal(path, 'is there already', 'sealrail witness serve uses it');
  const database = open(path);
  try {
    database.exec(`BEGIN; ${TABLES}`);
    database.prepare('INSERT INTO witness VALUES (?)').run(vkey);
    database.exec('COMMIT');
  } finally {
    database.close();
  }
}

export function openWitnessStore(path: string, vkey: string): OpenWitnessStore {
  if (!existsSync(path))
    throw refusal(
      path,
      'is missing, and without it this witness would contradict what it cosigned before',
      'restore nothing older than the last cosignature; for a key that has never cosigned: --init',
    );
  const database = open(path);
  const owner = database.prepare('SELECT vkey FROM witness').get()?.vkey;
  if (owner !== vkey) {
    database.close();
    throw refusal(path, `belongs to the key ${String(owner)}`, 'one key, one database, for good');
  }
  return new SqliteWitnessStore(database);
}

function open(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 5_000 });
  // FULL: what was answered survives a power cut.
  database.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL');
  return database;
}

class SqliteWitnessStore implements OpenWitnessStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  get(origin: string): Witnessed | undefined {
    const row = this.#database.prepare('SELECT * FROM log WHERE origin = ?').get(origin);
    if (!row) return undefined;
    return {
      // As text, since SQLite's integers end where a u63 that is read as a number does not.
      size: BigInt(String(row.size)),
      root: row.root as Uint8Array,
      time: BigInt(String(row.time)),
      note: row.note as Uint8Array,
    };
  }

  /** One statement, so that no other process can come between looking and writing. */
  replace(origin: string, old: Witnessed | undefined, next: Witnessed): boolean {
    const { size, root, time, note } = next;
    const values = [String(size), root, String(time), note] as const;
    const { changes } = old
      ? this.#database
          .prepare(
            'UPDATE log SET size = ?, root = ?, time = ?, note = ? WHERE origin = ? AND size = ? AND root = ?',
          )
          .run(...values, origin, String(old.size), old.root)
      : this.#database
          .prepare(
            'INSERT INTO log (size, root, time, note, origin) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
          )
          .run(...values, origin);
    return changes === 1;
  }

  close(): void {
    this.#database.close();
  }
}

function refusal(path: string, what: string, hint: string): ConfigError {
  return new ConfigError([{ file: path, message: what, hint }]);
}

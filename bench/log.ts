/**
 * Durable appends through the whole pipeline (journal, tiles, signing, LastSigned, publication) beside what
 * else keeps a chained log: a SQLite table at synchronous=FULL, and a bare loop of write and fdatasync. The
 * rounds of both sides take turns, so that a noisy machine is noisy for both; time ends when the last entry
 * of a round is signed. Durability: sync everywhere.
 */
import { hash, randomBytes } from 'node:crypto';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  createLog,
  formatSecretKey,
  type Log,
  openLog,
  secretKeyFromSeed,
} from '../packages/tlog/src/index.ts';
import type { Row } from './run.ts';

const ENTRY_BYTES = 300;
const CALLERS = 64;
const ROUNDS = 4;
const LOG_SECONDS = 10;
const BASELINE_SECONDS = 4;
const P99_MS_MAX = 1;
const BLOCK_BYTES = 4_096;
const SEGMENT_BLOCKS = 4_096;

interface Round {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** From the last acknowledgement to the signature that covers it. */
  readonly lagMs: number;
}

const quantile = (values: readonly number[], share: number): number =>
  values[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;
const sorted = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b);
const median = (values: readonly number[]): number => quantile(sorted(values), 0.5);

function roundOf(latenciesMs: readonly number[], startedAt: number, lagMs = 0): Round {
  const elapsedMs = performance.now() - startedAt;
  const order = sorted(latenciesMs);
  return {
    perSecond: (latenciesMs.length / elapsedMs) * 1_000,
    p50Ms: quantile(order, 0.5),
    p99Ms: quantile(order, 0.99),
    lagMs,
  };
}

/** Callers that each append one entry after the other. */
async function appendFor(log: Log, callers: number, seconds: number): Promise<Round> {
  const entry = randomBytes(ENTRY_BYTES);
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  const end = startedAt + seconds * 1_000;
  const call = async (): Promise<void> => {
    for (let now = performance.now(); now < end; ) {
      await log.append(entry);
      const after = performance.now();
      latenciesMs.push(after - now);
      now = after;
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
  const acknowledgedAt = performance.now();
  await log.receipt(log.size - 1);
  return roundOf(latenciesMs, startedAt, performance.now() - acknowledgedAt);
}

/** A hash chain in SQLite: as many rows a transaction as there are callers, which flatters it. */
function chainFor(database: DatabaseSync, seconds: number): Round {
  const insert = database.prepare('INSERT INTO entries (hash, entry) VALUES (?, ?)');
  const entry = randomBytes(ENTRY_BYTES);
  let previous = Buffer.alloc(32);
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  const end = startedAt + seconds * 1_000;
  for (let now = performance.now(); now < end; ) {
    database.exec('BEGIN IMMEDIATE');
    for (let row = 0; row < CALLERS; row++) {
      previous = hash('sha256', Buffer.concat([previous, entry]), 'buffer');
      insert.run(previous, entry);
    }
    database.exec('COMMIT');
    const after = performance.now();
    for (let row = 0; row < CALLERS; row++) latenciesMs.push(after - now);
    now = after;
  }
  return roundOf(latenciesMs, startedAt);
}

/** One write of a block and one fdatasync, on the thread, over a file that is there already. */
function flushFor(fd: number, seconds: number): Round {
  const block = randomBytes(BLOCK_BYTES);
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  const end = startedAt + seconds * 1_000;
  let at = 0;
  for (let now = performance.now(); now < end; ) {
    writeSync(fd, block, 0, BLOCK_BYTES, BLOCK_BYTES * (at++ % SEGMENT_BLOCKS));
    fdatasyncSync(fd);
    const after = performance.now();
    latenciesMs.push(after - now);
    now = after;
  }
  return roundOf(latenciesMs, startedAt);
}

function openChain(folder: string): DatabaseSync {
  const database = new DatabaseSync(join(folder, 'chain.sqlite'));
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  database.exec('CREATE TABLE entries (id INTEGER PRIMARY KEY, hash BLOB, entry BLOB)');
  return database;
}

function openFilled(folder: string): number {
  const fd = openSync(join(folder, 'flushed'), 'w+');
  writeSync(fd, Buffer.alloc(BLOCK_BYTES * SEGMENT_BLOCKS));
  fdatasyncSync(fd);
  return fd;
}

export async function benchLog(say: (line: string) => void): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sealrail-bench-'));
  const key = formatSecretKey(secretKeyFromSeed('example.com/bench', randomBytes(32)));
  const options = { dir: join(folder, 'data'), stateDir: join(folder, 'state'), key };
  await createLog(options);
  const log = await openLog(options);
  const chain = openChain(folder);
  const fd = openFilled(folder);
  const many: Round[] = [];
  const chains: Round[] = [];
  const one: Round[] = [];
  const flushes: Round[] = [];
  try {
    for (let round = 1; round <= ROUNDS; round++) {
      many.push(await appendFor(log, CALLERS, LOG_SECONDS));
      chains.push(chainFor(chain, BASELINE_SECONDS));
      one.push(await appendFor(log, 1, BASELINE_SECONDS));
      flushes.push(flushFor(fd, BASELINE_SECONDS));
      say(describeRound(round, many, chains, one, flushes));
    }
    await log.close();
  } finally {
    chain.close();
    closeSync(fd);
    rmSync(folder, { recursive: true, force: true });
  }
  return rowsOf(many, chains, one, flushes);
}

function describeRound(round: number, ...sides: readonly (readonly Round[])[]): string {
  const [many, chain, one, flush] = sides.map((side) => side[round - 1]);
  const rate = (side: Round | undefined): string => `${Math.round(side?.perSecond ?? 0)}/s`;
  return (
    `round ${round}: ${CALLERS} callers ${rate(many)}, p99 ${many?.p99Ms.toFixed(2)} ms, ` +
    `lag ${many?.lagMs.toFixed(0)} ms; SQLite ${rate(chain)}; ` +
    `one caller p50 ${one?.p50Ms.toFixed(3)} ms; bare flush p50 ${flush?.p50Ms.toFixed(3)} ms`
  );
}

/** Ratios are of rounds side by side, and the median of those: noise that hits both hits neither. */
function rowsOf(
  many: readonly Round[],
  chains: readonly Round[],
  one: readonly Round[],
  flushes: readonly Round[],
): Row[] {
  const rate = median(many.map((round) => round.perSecond));
  const chainRate = median(chains.map((round) => round.perSecond));
  const rateRatio = median(many.map((round, at) => round.perSecond / (chains[at]?.perSecond ?? 1)));
  const p99Ms = median(many.map((round) => round.p99Ms));
  const ackMs = median(one.map((round) => round.p50Ms));
  const flushMs = median(flushes.map((round) => round.p50Ms));
  const ackRatio = median(one.map((round, at) => round.p50Ms / (flushes[at]?.p50Ms ?? 1)));
  return [
    {
      name: `durable appends, ${CALLERS} callers, ${ENTRY_BYTES} B, against a SQLite hash chain at FULL`,
      value: rate,
      unit: 'entries/s',
      baseline: chainRate,
      ratio: rateRatio,
      floor: 1.5,
      ok: rateRatio >= 1.5,
    },
    {
      name: `their ack, p99, against ${P99_MS_MAX} ms (ratio at most)`,
      value: p99Ms,
      unit: 'ms',
      baseline: P99_MS_MAX,
      ratio: p99Ms / P99_MS_MAX,
      floor: 1,
      ok: p99Ms <= P99_MS_MAX,
    },
    {
      name: 'ack of one caller, p50, against a bare write and fdatasync (ratio at most)',
      value: ackMs,
      unit: 'ms',
      baseline: flushMs,
      ratio: ackRatio,
      floor: 1.5,
      ok: ackRatio <= 1.5,
    },
  ];
}

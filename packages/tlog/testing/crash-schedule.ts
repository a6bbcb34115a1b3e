/**
 * Crash schedules for the log, each drawn from a seed: power cuts, kill -9, failed flushes, full disks, at
 * any call, in recovery too. After each history four things must hold, or the seed is reported:
 * nothing that was acknowledged is lost, nothing that left as signed is contradicted, the tree verifies,
 * and the log opens again. `checkHistory` is the oracle; it knows nothing of how the log works.
 */

import { type Files, withoutSync } from '../src/files/files.ts';
import {
  createLog,
  formatSecretKey,
  type Log,
  type LogOptions,
  openLog,
  secretKeyFromSeed,
} from '../src/index.ts';
import { checkHistory, type History } from './crash-oracle.ts';
import { type Fault, Machine, type Process } from './simulated-machine.ts';

/** Flushes that resolve and do nothing: all of them, or only those of the frames that entries are in. */
export type Forget = 'everything' | 'frames';

export interface SimulationOptions {
  readonly seeds: number;
  readonly firstSeed?: number;
  /** Stops after so many seeds that did not hold. */
  readonly violationsMax?: number;
  readonly onProgress?: (done: number, seeds: number) => void;
  /** Breaks the disk on purpose: then the oracle has to find losses. */
  readonly forget?: Forget;
}

export interface Violation {
  readonly seed: number;
  readonly problems: readonly string[];
}

export interface SimulationReport {
  readonly seeds: number;
  readonly crashes: number;
  readonly crashesInRecovery: number;
  readonly faults: number;
  readonly acknowledged: number;
  readonly checkpoints: number;
  /** Empty is good: what did not hold, by seed. */
  readonly violations: readonly Violation[];
}

const key = formatSecretKey(secretKeyFromSeed('example.com/simulated', new Uint8Array(32).fill(7)));
const ROUNDS_MAX = 5;
/** A log that does nothing more without an end of the round is a dead lock. */
const ROUND_STEPS_MAX = 20_000;
const CALLERS_MAX = 24;
/** Calls that a process makes at most: enough end in recovery, and some see segments go round. */
const LIVES = [40, 40, 100, 300, 300, 1_000];

export async function runSimulation(options: SimulationOptions): Promise<SimulationReport> {
  const total = { crashes: 0, crashesInRecovery: 0, faults: 0, acknowledged: 0, checkpoints: 0 };
  const violations: Violation[] = [];
  const { firstSeed = 1, violationsMax = 10 } = options;
  let seeds = 0;
  for (; seeds < options.seeds && violations.length < violationsMax; seeds++) {
    const seed = firstSeed + seeds;
    const schedule = new Schedule(seed, options.forget);
    const problems = await schedule.run();
    if (problems.length > 0) violations.push({ seed, problems });
    total.crashes += schedule.crashes;
    total.crashesInRecovery += schedule.crashesInRecovery;
    total.faults += schedule.faults;
    total.acknowledged += schedule.history.acknowledged.size;
    total.checkpoints += schedule.history.checkpoints.size;
    options.onProgress?.(seeds + 1, options.seeds);
  }
  return { seeds, ...total, violations };
}

/** One history; throws with what did not hold. */
export async function runSchedule(seed: number): Promise<void> {
  const report = await runSimulation({ seeds: 1, firstSeed: seed });
  const [violation] = report.violations;
  if (violation) throw new Error(`seed ${seed}: ${violation.problems.join('; ')}`);
}

type Ending = 'power cut' | 'kill' | 'close';

class Schedule {
  readonly history: History = {
    acknowledged: new Map(),
    checkpoints: new Map(),
    published: new Map(),
    receipts: [],
  };
  crashes = 0;
  crashesInRecovery = 0;
  faults = 0;
  readonly #machine: Machine;
  readonly #forget: Forget | undefined;
  #entries = 0;

  constructor(seed: number, forget: Forget | undefined) {
    this.#machine = new Machine(seed);
    this.#forget = forget;
    this.#machine.observe = ({ path }) => {
      // Whatever stands there for a moment may have been fetched by anybody.
      if (path === '/data/log/checkpoint') this.#seen('published');
    };
  }

  #options(process: Process): LogOptions {
    const { files, clock } = process;
    return {
      dir: '/data',
      stateDir: '/state',
      key,
      files: forgetful(files, this.#forget),
      clock,
      lock: () => ({ release: () => undefined }),
      segmentBytes: 32 << 10,
      segmentsMax: 64,
    };
  }

  #seen(how: 'published'): void {
    const note = this.#machine.disk.file('/data/log/checkpoint')?.cache.slice();
    if (!note) return;
    const text = Buffer.from(note).toString();
    this.history.checkpoints.set(text, note);
    this.history[how].set(text, note);
  }

  async run(): Promise<string[]> {
    const rounds = 2 + this.#machine.below(ROUNDS_MAX - 1);
    try {
      for (let round = 0; round < rounds; round++) await this.#round();
      this.#calm();
      // A clean stop is as good as its flushes.
      const process = this.#machine.start();
      await this.#finish(this.#open(process).then((log) => log.close()));
      this.#machine.cutPower(process);
      const log = await this.#finish(this.#open(this.#machine.start()));
      return await this.#finish(checkHistory(log, this.#machine.disk, this.history));
    } catch (error) {
      return [error instanceof Error ? `${error.message}\n${error.stack}` : String(error)];
    }
  }

  #calm(): void {
    this.#machine.full = false;
    this.#machine.fault = () => undefined;
  }

  async #open(process: Process): Promise<Log> {
    const options = this.#options(process);
    try {
      return await openLog(options);
    } catch (error) {
      // A crash in creating it: there is nothing yet, or nothing that records it.
      const { code } = error as { code?: unknown };
      if (code !== 'LOG_MISSING' && code !== 'LOG_LASTSIGNED') throw error;
      if (this.history.acknowledged.size > 0 || this.history.published.size > 0) throw error;
    }
    await createLog(options);
    return openLog(options);
  }

  /** One life of a process: open, work, and an end that may come at any call, or not come by itself. */
  async #round(): Promise<void> {
    const machine = this.#machine;
    const process = machine.start();
    const ending: Ending = (['power cut', 'kill', 'power cut', 'close'] as const)[
      machine.below(4)
    ] as Ending;
    const end = machine.steps + 1 + machine.below(LIVES[machine.below(LIVES.length)] ?? 1);
    this.#drawFaults();
    const state = { opened: false, stopped: false };
    const life = this.#live(process, state).then(
      () => undefined,
      (error: unknown) => error,
    );
    let dead: unknown;
    let over = false;
    void life.then((error) => {
      over = true;
      dead = error;
    });
    while (machine.steps < end && !over) {
      await turnOfTheLoop();
      if (!over && !machine.step()) break;
    }
    if (!over && ending === 'close') {
      this.#calm();
      state.stopped = true;
      await this.#until(() => over);
    }
    await turnOfTheLoop();
    if (dead !== undefined && !isExpected(dead)) throw dead;
    if (ending === 'close' && over) return;
    this.crashes++;
    if (!state.opened) this.crashesInRecovery++;
    if (ending === 'power cut') machine.cutPower(process);
    else machine.kill(process);
  }

  #drawFaults(): void {
    const machine = this.#machine;
    this.#calm();
    const kind = machine.below(6);
    if (kind === 0) {
      // One call of one kind fails, whether or not it did its work.
      const kinds = ['sync', 'write', 'name', 'syncDirectory'] as const;
      const victim = kinds[machine.below(kinds.length)];
      let left = machine.below(machine.random() < 0.5 ? 20 : 200);
      const fault: Fault =
        machine.random() < 0.5 ? 'failed-and-persisted' : 'failed-and-not-persisted';
      machine.fault = (call) => {
        if (call.kind !== victim || left-- !== 0) return undefined;
        this.faults++;
        return fault;
      };
    } else if (kind === 1) {
      // The disk is full for a while.
      const from = machine.steps + machine.below(800);
      const to = from + machine.below(600);
      machine.fault = () => {
        machine.full = machine.steps >= from && machine.steps < to;
        return undefined;
      };
    }
  }

  async #live(
    process: Process,
    state: { opened: boolean; readonly stopped: boolean },
  ): Promise<void> {
    const log = await this.#open(process);
    state.opened = true;
    const callers = 1 + this.#machine.below(CALLERS_MAX);
    await Promise.all(Array.from({ length: callers }, () => this.#call(log, process, state)));
    await log.close();
  }

  /** Appends one entry after the other, and now and then takes a receipt away. */
  async #call(log: Log, process: Process, state: { readonly stopped: boolean }): Promise<void> {
    const machine = this.#machine;
    while (!state.stopped && process.alive) {
      const entry = this.#entry();
      try {
        const index = await log.append(entry, { reserve: machine.random() < 0.05 });
        this.history.acknowledged.set(index, entry);
        if (machine.random() < 0.02) {
          const receipt = await log.receipt(index);
          this.history.receipts.push({ index, receipt });
        }
      } catch (error) {
        if (!isExpected(error)) throw error;
        if ((error as { code?: unknown }).code !== 'LOG_STALLED') return;
        await new Promise<void>((resolve) => process.clock.after(50, resolve));
      }
    }
  }

  /** Different from every other one, so that a mix-up shows. */
  #entry(): Uint8Array {
    const { random } = this.#machine;
    const bytes = Math.floor(random() < 0.02 ? random() * 12_000 : random() * 300);
    const text = `entry ${this.#entries++} `;
    return Buffer.from(text.padEnd(text.length + bytes, String.fromCharCode(97 + (bytes % 26))));
  }

  /** Lets the machine run until this settles. */
  async #finish<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const done = work.finally(() => {
      settled = true;
    });
    done.catch(() => undefined);
    await this.#until(() => settled);
    return done;
  }

  async #until(over: () => boolean): Promise<void> {
    for (let steps = 0; !over(); steps++) {
      if (steps > ROUND_STEPS_MAX) throw new Error('nothing comes to an end any more');
      await turnOfTheLoop();
      if (!over()) this.#machine.step();
    }
  }
}

function forgetful(files: Files, forget: Forget | undefined): Files {
  if (forget === 'everything') return withoutSync(files);
  if (forget === undefined) return files;
  return {
    ...files,
    create: async (path) => {
      const file = await files.create(path);
      // At 0 stands the header.
      const writeDurably: typeof file.writeDurably = (position, bytes) =>
        position === 0 ? file.writeDurably(position, bytes) : file.write(position, bytes);
      return { ...file, writeDurably };
    },
  };
}

/** What the log may answer to a disk that fails; anything else is a finding. */
function isExpected(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return ['LOG_FAILED', 'LOG_STALLED', 'LOG_CLOSED', 'EIO', 'ENOSPC'].includes(String(code));
}

/** Everything that can go on without the machine has gone on then. */
const turnOfTheLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

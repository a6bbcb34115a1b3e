/**
 * A machine for tests: processes with a simulated disk, a clock that only the simulation moves, and faults.
 * Everything that a process asks for waits until the simulation picks it, so that one seed gives one
 * history: which call ends first, where the power goes, which flush fails and what it did all the same.
 */
import type { Clock } from '../src/clock.ts';
import type { Files, OpenFile } from '../src/files/files.ts';
import { type Random, SimulatedDisk, type SimulatedFile, seededRandom } from './simulated-disk.ts';

/** Every fault twice: the call fails although it did its work, and fails without. */
export type Fault = 'failed-and-persisted' | 'failed-and-not-persisted';
export type CallKind = 'read' | 'write' | 'sync' | 'name' | 'syncDirectory' | 'soon';

export interface Call {
  readonly kind: CallKind;
  readonly path: string;
}

interface Pending extends Call {
  readonly process: Process;
  readonly work: () => unknown;
  /** What is left of it when it fails and did its work, or failed and did not. */
  readonly failed: (fault: Fault) => void;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface Timer {
  readonly at: number;
  readonly process: Process;
  readonly run: () => void;
}

const STEP_MS_MAX = 5;

export class Process {
  alive = true;
  readonly files: Files;
  readonly clock: Clock;

  constructor(machine: Machine) {
    this.files = simulatedFiles(machine, this);
    this.clock = {
      now: () => machine.now,
      after: (ms, run) => machine.after(this, ms, run),
      soon: (run) => {
        const call = { kind: 'soon', path: '' } as const;
        void machine.call(this, call, () => undefined).then(run);
      },
    };
  }
}

export class Machine {
  readonly random: Random;
  readonly disk = new SimulatedDisk();
  now = 0;
  /** Calls carried out so far. */
  steps = 0;
  /** While set, whatever needs room is refused. */
  full = false;
  /** Asked before each call but `soon`. */
  fault: (call: Call) => Fault | undefined = () => undefined;
  /** Told of each call that was carried out. */
  observe: (call: Call) => void = () => undefined;
  #pending: Pending[] = [];
  #timers: Timer[] = [];

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  below(bound: number): number {
    return Math.floor(this.random() * bound);
  }

  start(): Process {
    return new Process(this);
  }

  /** kill -9: the page cache stays; calls under way may still be carried out, but nobody is told. */
  kill(process: Process): void {
    process.alive = false;
    for (const call of this.#pending)
      if (call.process === process && this.random() < 0.5) silently(call.work);
    this.#pending = this.#pending.filter((call) => call.process !== process);
    this.#timers = this.#timers.filter((timer) => timer.process !== process);
  }

  /** What was not synced is lost, or part of it is. */
  cutPower(process: Process): void {
    this.kill(process);
    this.disk.powerCut(this.random);
  }

  call<T>(
    process: Process,
    call: Call,
    work: () => T,
    failed: (fault: Fault) => void = (fault) => {
      if (fault === 'failed-and-persisted') work();
    },
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!process.alive) return;
      const pending = { ...call, process, work, failed, reject };
      this.#pending.push({ ...pending, resolve: (value) => resolve(value as T) });
    });
  }

  after(process: Process, ms: number, run: () => void): () => void {
    const timer = { at: this.now + ms, process, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  /** Carries out one call or timer, of those that are ready any. False where nothing is left to do. */
  step(): boolean {
    this.steps++;
    this.now += this.random() * STEP_MS_MAX;
    if (this.#pending.length === 0) this.now = Math.max(this.now, this.#nextTimer());
    const due = this.#timers.filter(({ at }) => at <= this.now);
    const choice = this.below(this.#pending.length + due.length);
    const timer = due[choice - this.#pending.length];
    if (timer) {
      this.#timers = this.#timers.filter((one) => one !== timer);
      timer.run();
      return true;
    }
    const [pending] = this.#pending.splice(choice, 1);
    if (pending) this.#carryOut(pending);
    return pending !== undefined;
  }

  #nextTimer(): number {
    return Math.min(...this.#timers.map(({ at }) => at), Number.MAX_SAFE_INTEGER);
  }

  #carryOut(pending: Pending): void {
    const { kind, path, work, failed, resolve, reject } = pending;
    const fault = kind === 'soon' ? undefined : this.fault({ kind, path });
    try {
      if (fault !== undefined) {
        failed(fault);
        reject(systemError('EIO', path));
        return;
      }
      resolve(work());
    } catch (error) {
      reject(error as Error);
    }
    this.observe({ kind, path });
  }
}

function silently(work: () => unknown): void {
  try {
    work();
  } catch {
    // The process that would hear of it is dead.
  }
}

export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

function simulatedFiles(machine: Machine, process: Process): Files {
  const { disk } = machine;
  const call = <T>(
    kind: CallKind,
    path: string,
    work: () => T,
    failed?: (fault: Fault) => void,
  ): Promise<T> => machine.call(process, { kind, path }, work, failed);
  const needRoom = (path: string): void => {
    if (machine.full) throw systemError('ENOSPC', path);
  };
  const found = (path: string): SimulatedFile => {
    const file = disk.file(path);
    if (!file) throw systemError('ENOENT', path);
    return file;
  };
  const syncFile = (path: string, file: () => SimulatedFile): Promise<void> =>
    call(
      'sync',
      path,
      () => file().sync(),
      (fault) => (fault === 'failed-and-persisted' ? file().sync() : file().forgetDirty()),
    );

  return {
    makeDirectory: (path) =>
      call('name', path, () => {
        if (!disk.directory(path)) needRoom(path);
        disk.makeDirectory(path);
      }),
    list: (path) =>
      call('read', path, () => {
        const directory = disk.directory(path);
        return directory && [...directory.cache.keys()];
      }),
    read: (path) => call('read', path, () => disk.file(path)?.cache.slice()),
    write: (path, bytes) =>
      call('write', path, () => {
        needRoom(path);
        disk.create(path).write(0, bytes);
      }),
    create: async (path) => {
      const file = await call('name', path, () => {
        needRoom(path);
        return disk.create(path);
      });
      return openFile(path, file, { call, needRoom, syncFile });
    },
    rename: (from, to) => call('name', to, () => disk.rename(from, to)),
    remove: (path) => call('name', path, () => disk.remove(path)),
    datasync: (path) => syncFile(path, () => found(path)),
    syncDirectory: (path) =>
      // A failed sync of names leaves them where they were: not on the medium, and not forgotten.
      call('syncDirectory', path, () => disk.syncDirectory(path)),
    disk: (path) => call('read', path, () => ({ used: machine.full ? 1 : 0.5 })),
  };
}

function openFile(
  path: string,
  file: SimulatedFile,
  {
    call,
    needRoom,
    syncFile,
  }: {
    call: <T>(
      kind: CallKind,
      path: string,
      work: () => T,
      failed?: (fault: Fault) => void,
    ) => Promise<T>;
    needRoom: (path: string) => void;
    syncFile: (path: string, file: () => SimulatedFile) => Promise<void>;
  },
): OpenFile {
  const write = (position: number, bytes: Uint8Array): void => {
    if (position + bytes.length > file.cache.length) needRoom(path);
    file.write(position, bytes);
  };
  return {
    read: (position, length) =>
      call('read', path, () => file.cache.slice(position, position + length)),
    write: (position, bytes) => call('write', path, () => write(position, bytes)),
    writeDurably: async (position, bytes) => {
      // Two calls, so that a crash comes between them; the bytes are those of now.
      const copy = new Uint8Array(bytes);
      await call('write', path, () => write(position, copy));
      await syncFile(path, () => file);
    },
    datasync: () => syncFile(path, () => file),
    close: () => call('read', path, () => undefined),
  };
}

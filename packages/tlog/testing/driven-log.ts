/** A log on a simulated machine, for tests that say what the disk does and when. */
import {
  createLog,
  formatSecretKey,
  type Log,
  type LogOptions,
  openLog,
  secretKeyFromSeed,
} from '../src/index.ts';
import { Machine, type Process } from './simulated-machine.ts';

const key = formatSecretKey(secretKeyFromSeed('example.com/driven', new Uint8Array(32).fill(3)));

export class DrivenLog {
  readonly machine: Machine;
  process: Process;
  readonly more: Partial<LogOptions>;

  constructor(more: Partial<LogOptions> = {}, seed = 1) {
    this.machine = new Machine(seed);
    this.process = this.machine.start();
    this.more = more;
  }

  get options(): LogOptions {
    return {
      dir: '/data',
      stateDir: '/state',
      key,
      files: this.process.files,
      clock: this.process.clock,
      lock: () => ({ release: () => undefined }),
      segmentBytes: 256 << 10,
      ...this.more,
    };
  }

  create(): Promise<void> {
    return this.machine.finish(createLog(this.options));
  }

  /** A new log, or the same one in a new process. */
  async open(): Promise<Log> {
    if (!this.machine.disk.directory('/data/journal')) await this.create();
    return this.machine.finish(openLog(this.options));
  }

  async append(log: Log, count: number, bytes = 0): Promise<number[]> {
    const entries = Array.from({ length: count }, (_, i) => entryOf(log.size + i, bytes));
    return this.machine.finish(Promise.all(entries.map((entry) => log.append(entry))));
  }

  /** Runs for so long on the machine's clock. */
  async wait(ms: number): Promise<void> {
    const until = this.machine.now + ms;
    let rung = false;
    this.process.clock.after(ms, () => {
      rung = true;
    });
    await this.machine.runUntil(() => rung && this.machine.now >= until);
  }

  kill(): void {
    this.machine.kill(this.process);
    this.process = this.machine.start();
  }

  cutPower(): void {
    this.machine.cutPower(this.process);
    this.process = this.machine.start();
  }

  names(path: string): string[] {
    return [...(this.machine.disk.directory(path)?.cache.keys() ?? [])].sort();
  }

  bytes(path: string): Uint8Array | undefined {
    return this.machine.disk.file(path)?.cache;
  }

  /** Changes a file's bytes, on the medium too. */
  change(path: string, change: (bytes: Uint8Array) => void): void {
    const file = this.machine.disk.file(path);
    if (!file) throw new Error(`there is no ${path}`);
    const bytes = new Uint8Array(file.cache);
    change(bytes);
    file.write(0, bytes);
    file.sync();
  }
}

/** Of its index, so that a mix-up shows. */
export function entryOf(index: number, bytes = 0): Uint8Array {
  return Buffer.from(`entry ${index} `.padEnd(bytes, 'x'));
}

/** The daemon as a process of its own, as it would run anywhere. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DemoError, UNAVAILABLE } from './error.ts';

export const sealrailBin = fileURLToPath(
  new URL('../packages/server/bin/sealrail.js', import.meta.url),
);

export interface DaemonProcess {
  readonly child: ChildProcess;
  readonly ready: {
    readonly api: string;
    readonly vkey: string;
    readonly gateways: readonly {
      readonly target: string;
      readonly address: { readonly port: number };
    }[];
  };
  /** Resolves with the exit code; null where a signal ended it. */
  readonly ended: Promise<number | null>;
  /** Asks it to stop, where it has not, and waits for its end. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

const ERROR_LINES_KEPT = 100;

/** `sealrail up`; rejects with what it said where it does not come up. */
export async function startDaemonProcess(
  config: string,
  say: (line: string) => void,
): Promise<DaemonProcess> {
  const child = spawn(process.execPath, [sealrailBin, 'up', '-c', config], {
    // The channel is for its end only: the daemon stops when it breaks, however this process ends.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // A Ctrl-C at the terminal is for this process, which stops the daemon in its turn.
    detached: true,
  });
  child.channel?.unref();
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error('the daemon has no streams');
  const errors: string[] = [];
  createInterface({ input: stderr }).on('line', (line) => {
    errors.push(line);
    errors.splice(0, errors.length - ERROR_LINES_KEPT);
    say(line);
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const ready = new Promise<string>((resolve) =>
    createInterface({ input: stdout }).once('line', resolve),
  );
  const first = await Promise.race([ready, ended]);
  if (typeof first !== 'string')
    throw new DemoError(first ?? UNAVAILABLE, errorOf(errors) ?? 'the daemon ended at once');
  return {
    child,
    ready: JSON.parse(first) as DaemonProcess['ready'],
    ended,
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
  };
}

/** From `error:` on: what comes before is talk. */
function errorOf(lines: readonly string[]): string | undefined {
  const at = lines.findIndex((line) => line.startsWith('error: '));
  return at < 0 ? undefined : lines.slice(at).join('\n').slice('error: '.length);
}

/** Runs one command to its end. */
export function runSealrail(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [sealrailBin, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said.stderr += text;
    });
    child.once('close', (code) => resolve({ code: code ?? UNAVAILABLE, ...said }));
  });
}

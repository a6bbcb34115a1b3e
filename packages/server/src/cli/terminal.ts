/** The process's own streams as a command's Io. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { Io } from './io.ts';

export function processIo(): Io {
  // `sealrail log tail | head` closes the pipe when it has seen enough: that is no failure.
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    process.exit(code === 'EPIPE' ? 0 : 1);
  });
  const interactive = process.stdin.isTTY === true && process.stderr.isTTY === true;
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    out: (line) => process.stdout.write(`${line}\n`),
    say: (line) => process.stderr.write(`${line}\n`),
    env: process.env,
    cwd: process.cwd(),
    askSecret: interactive ? askSecret : undefined,
    // https://no-color.org: present and not empty.
    color: process.stdout.isTTY === true && !process.env.NO_COLOR,
    // CR, the text, and EL: erase to the end of the line.
    ...(process.stderr.isTTY === true
      ? { showStatus: (line: string) => process.stderr.write(`\r${line}\u001b[K`) }
      : {}),
  };
}

async function askSecret(question: string): Promise<string> {
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await lines.question('');
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}

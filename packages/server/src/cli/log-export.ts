/** `log export`: the backup. A copy of the published tree that was verified while it was made. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  directorySource,
  exportTree,
  formatVkey,
  hashing,
  openSigner,
  verifySignature,
} from '@sealrail/tlog';
import { type Command, counted, EXIT, type Io, paint, printable, usage } from './io.ts';
import { CONFIG, onlyOne, parseOptions } from './options.ts';
import { configOf } from './place.ts';
import { progress } from './progress.ts';

export const exportVerb: Command = {
  line: 'log export DIR [--checkpoint FILE]',
  does: 'a verified copy of the log, incremental, while it grows',
  help: `
  DIR                 where the copy stands, or comes to stand; of an earlier export only what is new
                      is copied, and the rest is checked where it is
  --checkpoint FILE   one that you kept, which the copy must extend; may be given more than once
  -c FILE             the configuration
  --json              one line: dir, ok, size, root, against, filesCopied, bytesCopied, findings

The copy is a plain tree of tiles (c2sp.org/tlog-tiles): sealrail verify checks it with the public
key alone. Clear values, keys and the record of what was signed are not in it. A restored copy is
read, or succeeded by a new log; it never goes on as the same log.
Exit codes: 0 exported, 65 the log does not verify and nothing was published to DIR.`,
  run: exportLog,
};

async function exportLog(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, {
    ...CONFIG,
    checkpoint: { type: 'string', multiple: true },
  });
  const given = onlyOne(
    positionals,
    'log export takes a folder',
    'sealrail log export /backup/log',
  );
  const { log } = await configOf(values.config, io);
  const to = resolve(io.cwd, given);
  const source = join(log.dir, 'log');
  if (to === source || to.startsWith(`${log.dir}/`))
    throw usage(`${to} lies within the log itself`, 'a copy belongs on another disk');
  const held = (values.checkpoint ?? []).map((file) => readFile(resolve(io.cwd, file)));
  // What the last export published is what somebody kept: a log that was rewritten since shows.
  const last = join(to, 'checkpoint');
  if (existsSync(last)) held.push(readFile(last));
  const shown = progress(io, 'exporting');
  const { report, filesCopied, bytesCopied } = await exportTree({
    from: directorySource(source),
    to,
    vkey: formatVkey(openSigner(log.key).key),
    verifier: verifySignature,
    hashing,
    held,
    onProgress: shown.step,
  });
  shown.end();
  const { ok, root, against, findings } = report;
  const size = Number(report.size ?? 0n);
  if (values.json)
    io.out(
      JSON.stringify({ dir: to, ok, size, root, against, filesCopied, bytesCopied, findings }),
    );
  else {
    for (const { severity, what } of findings) io.out(`  ${severity}: ${printable(what)}`);
    const copied = `${counted(filesCopied, 'file')}, ${bytesCopied} bytes copied`;
    io.out(
      ok
        ? `${paint(io, 'green', '✓')} ${to}: ${counted(size, 'entry', 'entries')}, ${against}; ${copied}`
        : `${paint(io, 'red', '✗')} ${to}: not published, since the log does not verify`,
    );
  }
  return ok ? EXIT.ok : EXIT.verification;
}

function readFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw usage(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}

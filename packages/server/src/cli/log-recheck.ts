/** `log recheck`: every logged decision made again from its own inputs. */
import type { Json } from '@sealrail/sdk';
import { type Rechecked, recheckLog } from '../policy/recheck.ts';
import { openLogFiles } from './decisions.ts';
import { type Command, counted, EXIT, type Io, paint, printable } from './io.ts';
import { CONFIG, parseOptions } from './options.ts';
import { configOf } from './place.ts';
import { progress } from './progress.ts';
import { sinceOf } from './since.ts';

export const recheckVerb: Command = {
  line: 'log recheck [--since 30d]',
  does: 'makes every logged decision again from its own inputs',
  help: `
  --since T    only decisions from then on: 30d, 12h, 2026-01-31, 2026-01-31T12:00:00Z
  -c FILE      the configuration
  --json       one line: size, from, decisions, same, different, differences [{index, id,
               members [{member, logged, recomputed}]}], notRecomputed {reason: count},
               damaged [{index, reason}]

Reads the published files of the log and its side store; a running daemon is not asked. Each
decision is made again under the policy set that it names, with the facts, entities and history
that it was made with. Not recomputed are those for which no policy was asked (rejected,
not-understood), whose blobs were erased, or that another engine or version made.
It does not check the tree: that is what verify does.
Exit codes: 0 no difference, 65 a decision comes out otherwise, or an entry cannot be read.`,
  run: recheck,
};

async function recheck(args: readonly string[], io: Io): Promise<number> {
  const { values } = parseOptions(args, { ...CONFIG, since: { type: 'string' } });
  const since = sinceOf(values.since, Date.now());
  const config = await configOf(values.config, io);
  const { files, blobs } = await openLogFiles(config.log);
  const shown = progress(io, 'rechecking');
  const found = recheckLog({ files, blobs, since, onProgress: shown.step });
  shown.end();
  if (values.json) io.out(JSON.stringify(found));
  else show(found, io);
  return found.different + found.damaged.length > 0 ? EXIT.verification : EXIT.ok;
}

function show(found: Rechecked, io: Io): void {
  for (const { index, id, members } of found.differences) {
    io.out(`${paint(io, 'red', '✗')} entry ${index} ${id}`);
    for (const { member, logged, recomputed } of members)
      io.out(`    ${member}: logged ${value(logged)}, comes out as ${value(recomputed)}`);
  }
  if (found.different > found.differences.length)
    io.out(`    and ${found.different - found.differences.length} more`);
  for (const { index, reason } of found.damaged)
    io.out(`${paint(io, 'red', '✗')} entry ${index} cannot be read: ${printable(reason)}`);
  for (const [reason, count] of Object.entries(found.notRecomputed))
    io.out(`- ${counted(count, 'decision')} not made again: ${reason}`);
  const all = `${counted(found.decisions, 'decision')} from entry ${found.from} to ${found.size}`;
  const ok = found.different + found.damaged.length === 0;
  io.out(
    `${paint(io, ok ? 'green' : 'red', ok ? '✓' : '✗')} ${all}: ${found.same} come out as logged, ${found.different} do not`,
  );
}

const VALUE_LENGTH_MAX = 400;

function value(json: Json | undefined): string {
  const text = json === undefined ? 'nothing' : printable(JSON.stringify(json));
  return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX)}…` : text;
}

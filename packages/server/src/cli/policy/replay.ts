/** `policy replay`: what a candidate set would have decided otherwise, over the log's recorded inputs. */
import { join } from 'node:path';
import { loadPolicies } from '../../config/policies.ts';
import { type Replayed, replayLog } from '../../policy/replay-log.ts';
import { type Group, total } from '../../policy/replay-tally.ts';
import { openLogFiles } from '../decisions.ts';
import { type Command, counted, EXIT, type Io, printable } from '../io.ts';
import { CONFIG, parseOptions } from '../options.ts';
import { configOf } from '../place.ts';
import { progress } from '../progress.ts';
import { sinceOf } from '../since.ts';
import { policyFolder } from './folder.ts';
import { changesText, shortStatement } from './words.ts';

export const replayVerb: Command = {
  line: 'policy replay DIR [--since 30d]',
  does: 'what other policies would have decided, over the log',
  help: `
  DIR          the candidate: a folder of .cedar files
  --since T    only decisions from then on: 30d, 12h, 2026-01-31, 2026-01-31T12:00:00Z
  -c FILE      the configuration, whose log is read
  --json       one line: policySet, size, from, decisions, same, otherReason, changes {"allow→deny":
               count}, byPolicy, byPrincipal, byResource [{name, changes, examples [{change, index,
               id, statement}]}], notReplayed {reason: count}, damaged, history

Every decision of the log is made again under the candidate, from what it was made from: facts,
entities, context and time as they were recorded. History, rates and grants are taken as recorded,
too: nothing is counted anew, so a decision that would have been another changes none after it, and
a rate that was not asked about then is taken as unused.
Reads the published files of the log; a running daemon is not asked, and nothing is locked.
Exit codes: 0, whatever would have changed; 78 the candidate or the log does not load.`,
  run: replay,
};

const SHOWN_MAX = 10;

async function replay(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, { ...CONFIG, since: { type: 'string' } });
  const since = sinceOf(values.since, Date.now());
  const config = await configOf(values.config, io);
  const candidate = loadPolicies(await policyFolder(positionals, values.config, io));
  const { digest, canonical } = candidate;
  candidate.close();
  const { files } = await openLogFiles(config.log);
  const shown = progress(io, 'replaying');
  const privateFolder = join(config.log.dir, 'private');
  const found = await replayLog({
    files,
    privateFolder,
    candidate: canonical,
    since,
    onProgress: shown.step,
  });
  shown.end();
  if (values.json) io.out(JSON.stringify({ policySet: digest, ...found, history: 'as recorded' }));
  else show(found, digest, io);
  return EXIT.ok;
}

function show(found: Replayed, digest: string, io: Io): void {
  const { decisions, from, size, changes, otherReason } = found;
  const range = `from entry ${from} to ${size}`;
  io.out(`${counted(decisions, 'decision')} ${range}, under set ${digest.slice(0, 12)}`);
  showGroups('policy', found.byPolicy, io);
  showGroups('principal', found.byPrincipal, io);
  showGroups('resource', found.byResource, io);
  for (const [reason, count] of Object.entries(found.notReplayed))
    io.out(`- ${counted(count, 'decision')} not replayed: ${reason}`);
  if (found.damaged > 0) io.out(`- ${counted(found.damaged, 'entry', 'entries')} cannot be read`);
  if (otherReason > 0)
    io.out(`- ${counted(otherReason, 'decision')} would have the same verdict for another reason`);
  io.out(
    '- history, rates and grants are taken as recorded; a rate that was not asked then as unused',
  );
  const changed = total(changes);
  io.out(
    changed === 0
      ? 'nothing would have changed'
      : `${changed} would have changed: ${changesText(changes)}`,
  );
}

function showGroups(by: string, groups: readonly Group[], io: Io): void {
  if (groups.length === 0) return;
  io.out(`by ${by}:`);
  for (const { name, changes, examples } of groups.slice(0, SHOWN_MAX)) {
    io.out(`  ${printable(name)}: ${changesText(changes)}`);
    if (by !== 'policy') continue;
    for (const { change, id, statement } of examples)
      io.out(`    ${change} ${id} ${shortStatement(statement)}`);
  }
  if (groups.length > SHOWN_MAX) io.out(`  and ${groups.length - SHOWN_MAX} more`);
}

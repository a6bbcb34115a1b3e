/** `policy diff`: what changes from one set to another, whether it loosens, and what is decided otherwise. */
import { join, resolve } from 'node:path';
import type { PolicySet } from '@sealrail/sdk';
import { loadPolicies } from '../../config/policies.ts';
import type { DecidedOtherwise } from '../../policy/examples.ts';
import { type Replayed, replayLog } from '../../policy/replay-log.ts';
import { total } from '../../policy/replay-tally.ts';
import { diffSets, type SetDiff } from '../../policy/set-diff.ts';
import { openLogFiles } from '../decisions.ts';
import { type Command, counted, EXIT, type Io, paint, printable, usage } from '../io.ts';
import { CONFIG, parseOptions } from '../options.ts';
import { configOf } from '../place.ts';
import { progress } from '../progress.ts';
import { sinceOf } from '../since.ts';
import { changeLine, changesText } from './words.ts';

export const diffVerb: Command = {
  line: 'policy diff [A] B [--log]',
  does: 'what changes from one set to another, and what loosens',
  help: `
  A            a folder of .cedar files; without it, the set of the configuration
  B            another folder
  --log        also: what B would have decided otherwise over the log
  --since T    with --log, only decisions from then on: 30d, 12h, 2026-01-31
  -c FILE      the configuration
  --json       one line: before, after (digests), unchanged, loosens, changes [{id, effect, change,
               loosens, tightens}], examples {tried, found [{as {name, type, groups, roles}, env,
               action, on, attrs, facts, before {verdict, code, by}, after}]}, log (as of replay)

A change loosens if it removes or softens a forbid, lowers a quorum, raises a limit, adds or widens
a permit, or if inspection cannot tell. What is decided otherwise is found by trying what the
policies speak of: examples, never all of them, and none found is no promise.
Exit codes: 0, whatever changed; 78 a set does not load.`,
  run: diff,
};

async function diff(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, {
    ...CONFIG,
    log: { type: 'boolean' },
    since: { type: 'string' },
  });
  const [first, second] = positionals;
  if (first === undefined || positionals.length > 2)
    throw usage('policy diff compares two sets', 'sealrail policy diff ./policies ./candidate');
  const since = sinceOf(values.since, Date.now());
  const of = (folder: string) => loadPolicies(resolve(io.cwd, folder));
  const before =
    second === undefined ? loadPolicies((await configOf(values.config, io)).policies) : of(first);
  const after = of(second ?? first);
  const found = diffSets(before, after);
  before.close();
  const log = values.log ? await replay(after, values.config, since, io) : undefined;
  after.close();
  if (values.json) io.out(JSON.stringify({ ...found, ...(log ? { log } : {}) }));
  else show(found, log, io);
  return EXIT.ok;
}

async function replay(
  { canonical }: PolicySet,
  given: string | undefined,
  since: string | undefined,
  io: Io,
): Promise<Replayed> {
  const config = await configOf(given, io);
  const { files } = await openLogFiles(config.log);
  const shown = progress(io, 'replaying');
  const privateFolder = join(config.log.dir, 'private');
  const options = { files, privateFolder, candidate: canonical, since, onProgress: shown.step };
  const found = await replayLog(options);
  shown.end();
  return found;
}

function show(found: SetDiff, log: Replayed | undefined, io: Io): void {
  for (const change of found.changes) io.out(changeLine(change, io));
  const { tried, found: examples } = found.examples;
  if (examples.length > 0) io.out('decided otherwise, for example:');
  for (const example of examples) for (const text of exampleLines(example)) io.out(`  ${text}`);
  if (found.changes.length > 0)
    io.out(`- ${examples.length} kinds found in ${tried} tries: examples, never all of them`);
  if (log)
    io.out(
      `- over ${counted(log.decisions, 'decision')} of the log: ${total(log.changes) === 0 ? 'nothing' : changesText(log.changes)} changed`,
    );
  const looser = found.changes.filter(({ loosens }) => loosens.length > 0).length;
  const all = counted(found.changes.length, 'change');
  if (found.changes.length === 0) io.out('the sets say the same');
  else if (looser === 0) io.out(`${all}, none of them loosens`);
  else
    io.out(
      `${all}, ${paint(io, 'yellow', `${looser} of them ${looser === 1 ? 'loosens' : 'loosen'}`)}`,
    );
}

function exampleLines(one: DecidedOtherwise): string[] {
  const { as, env, action, on, attrs, facts, before, after } = one;
  const groups = [...as.groups, ...as.roles];
  const who = `${as.type} ${as.name}${groups.length > 0 ? ` of ${groups.join(', ')}` : ''}`;
  const what = [attrs, facts].filter((part) => Object.keys(part).length > 0);
  const given = what.length > 0 ? ` ${what.map((part) => JSON.stringify(part)).join(' ')}` : '';
  const said = ({ verdict, code, by }: DecidedOtherwise['before']): string =>
    `${verdict} (${by.length > 0 ? by.join(', ') : code})`;
  return [
    printable(`${who}, ${action} on ${on} in ${env}${given}`),
    printable(`  ${said(before)} → ${said(after)}`),
  ];
}

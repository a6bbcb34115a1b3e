/** `policy report`: what enforcing an observed target would have stopped. */
import type { Config } from '../../config/config.ts';
import { type LogReport, reportOnLog } from '../../policy/report-log.ts';
import { targetOf } from '../credentials.ts';
import { openLogFiles } from '../decisions.ts';
import { type Command, counted, EXIT, type Io, paint, printable, usage } from '../io.ts';
import { CONFIG, parseOptions } from '../options.ts';
import { configOf } from '../place.ts';
import { progress } from '../progress.ts';
import { sinceOf } from '../since.ts';
import { shortStatement } from './words.ts';

export const reportVerb: Command = {
  line: 'policy report [TARGET] [--since 30d]',
  does: 'what enforcing an observed target would stop',
  help: `
  TARGET       of the configuration; the first one that is observed, if not given
  --since T    only decisions from then on: 30d, 12h, 2026-01-31, 2026-01-31T12:00:00Z
  -c FILE      the configuration, whose log is read
  --json       one line: target, size, from, decisions, enforced, notUnderstood, doubts [{doubt,
               decisions, ran, example {index, id, statement}}], wouldStop, ran, groups [{policies,
               code, principal, statement, decisions, ran, example {index, id}}], damaged

Of the decisions that were made while the target was observed: first what could not be understood,
which no policy can permit, then what a policy would have stopped, by policy, principal and
statement. "ran" counts those whose outcome was executed: enforcing would have stopped them.
Exit codes: 0, whatever would have been stopped.`,
  run: report,
};

const SHOWN_MAX = 20;

async function report(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, { ...CONFIG, since: { type: 'string' } });
  if (positionals.length > 1) throw usage('one target at a time', 'sealrail policy report TARGET');
  const since = sinceOf(values.since, Date.now());
  const config = await configOf(values.config, io);
  const target = targetNamed(positionals[0], config);
  const { files, blobs } = await openLogFiles(config.log);
  const shown = progress(io, 'reading');
  const found = reportOnLog({ files, blobs, target, since, onProgress: shown.step });
  shown.end();
  if (values.json) io.out(JSON.stringify({ target, ...found }));
  else show(target, found, io);
  return EXIT.ok;
}

function targetNamed(asked: string | undefined, config: Config): string {
  const observed = config.targets.find(({ mode }) => mode !== 'enforce');
  return asked === undefined && observed ? observed.name : targetOf(asked, config).name;
}

function show(target: string, found: LogReport, io: Io): void {
  const { decisions, notUnderstood, wouldStop, ran, enforced, damaged } = found;
  io.out(`${target}: ${counted(decisions, 'decision')} while it was observed`);
  if (enforced > 0) io.out(`  and ${enforced} that were enforced already`);
  if (notUnderstood > 0)
    io.out(`not understood: ${notUnderstood} (${rate(notUnderstood, decisions)})`);
  for (const { doubt, decisions: count, ran: hasRun, example } of found.doubts.slice(
    0,
    SHOWN_MAX,
  )) {
    io.out(`  ${printable(doubt)}: ${count}, ${hasRun} ran`);
    io.out(`    ${example.id} ${shortStatement(example.statement)}`);
  }
  more(found.doubts.length, io);
  if (wouldStop > 0) io.out(`stopped by policy: ${wouldStop} (${rate(wouldStop, decisions)})`);
  for (const group of found.groups.slice(0, SHOWN_MAX)) {
    const policies = group.policies.length > 0 ? group.policies.join(', ') : `(${group.code})`;
    io.out(
      `  ${printable(`${policies}: ${group.principal}`)}: ${group.decisions}, ${group.ran} ran`,
    );
    io.out(`    ${group.example.id} ${shortStatement(group.statement)}`);
  }
  more(found.groups.length, io);
  if (damaged > 0) io.out(`- ${counted(damaged, 'entry', 'entries')} cannot be read`);
  const verdict =
    ran === 0
      ? paint(io, 'green', 'enforcing would have stopped nothing that ran')
      : paint(io, 'yellow', `enforcing would have stopped ${ran} that ran`);
  io.out(verdict);
}

function more(count: number, io: Io): void {
  if (count > SHOWN_MAX) io.out(`  and ${count - SHOWN_MAX} more: --json has them all`);
}

const rate = (part: number, whole: number): string =>
  `${(whole === 0 ? 0 : (100 * part) / whole).toFixed(1)} %`;

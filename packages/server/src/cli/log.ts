/** `log tail|show|prove|search`: the log in a terminal. */
import { writeFileSync } from 'node:fs';
import type { Entry } from '@sealrail/sdk';
import type { EntryView } from '../api/entries.ts';
import { type Command, EXIT, type Io, paint, usage } from './io.ts';
import { parseOptions } from './options.ts';
import { askDaemon, configOf } from './place.ts';

const FOLLOW_MS = 300;
const PAGE = 200;

/** What an entry says, in a few words. */
export function summary(entry: Entry): string {
  switch (entry.kind) {
    case 'decision': {
      const policy = entry.decision.determining[0] ?? entry.decision.code;
      return `${entry.action} ${entry.resources.map(({ id }) => id).join(' ')} [${policy}] ${entry.statement ?? '(does not parse)'}`;
    }
    case 'outcome':
      return `${entry.outcome.status}${entry.outcome.code === undefined ? '' : ` ${entry.outcome.code}`}${entry.rows === undefined ? '' : `, ${entry.rows} rows`}${entry.outcome.provisional ? ' (until its transaction ends)' : ''}`;
    case 'session':
      return `${entry.event} ${entry.target}${entry.result === 'refused' ? ` refused ${entry.code ?? ''}` : ''}`;
    case 'change':
      return `${entry.what} ${entry.before.slice(0, 12) || 'none'} → ${entry.after.slice(0, 12)}${entry.refused === undefined ? '' : ` refused: ${entry.refused}`}`;
    case 'finding':
      return `${entry.severity} ${entry.rule}: ${entry.message}`;
    case 'access':
      return `${entry.how} ${entry.what}`;
    case 'system':
      return entry.event;
    case 'approval':
      return `${entry.step} ${entry.request}`;
  }
}

function line({ index, state, entry }: EntryView, io: Io): string {
  const verdict =
    entry.kind === 'decision'
      ? entry.decision.verdict +
        (entry.decision.enforced || entry.decision.verdict === 'allow' ? '' : '?')
      : entry.kind;
  const style = verdict.startsWith('deny')
    ? 'red'
    : verdict.startsWith('hold')
      ? 'yellow'
      : verdict === 'allow'
        ? 'green'
        : 'dim';
  const who = entry.principal?.id ?? entry.source.type;
  const text = summary(entry).replace(/\s+/g, ' ');
  const shown = text.length > 160 ? `${text.slice(0, 159)}…` : text;
  return `${String(index).padStart(6)} ${entry.time.slice(11, 23)} ${paint(io, style, verdict.padEnd(8))} ${who.padEnd(10)} ${shown}${state === 'signed' ? '' : paint(io, 'dim', ' (durable)')}`;
}

interface Page {
  readonly entries: EntryView[];
  readonly next?: number;
}

type Config = ReturnType<typeof configOf>;

async function page(config: Config, query: Record<string, string>): Promise<Page> {
  return (await (
    await askDaemon(config, `/api/entries?${new URLSearchParams(query)}`)
  ).json()) as Page;
}

function show(views: readonly EntryView[], json: boolean, io: Io): void {
  for (const view of views) io.out(json ? JSON.stringify(view) : line(view, io));
}

async function tail(args: readonly string[], io: Io): Promise<number> {
  const { values } = parseOptions(args, {
    config: { type: 'string', short: 'c' },
    n: { type: 'string', short: 'n' },
    follow: { type: 'boolean', short: 'f' },
    verdict: { type: 'string' },
    kind: { type: 'string' },
    principal: { type: 'string' },
  });
  const count = Number(values.n ?? 20);
  if (!Number.isSafeInteger(count) || count < 1 || count > PAGE)
    throw usage(`-n takes a number from 1 to ${PAGE}`);
  const config = configOf(values.config as string | undefined, io);
  const filter = Object.fromEntries(
    Object.entries({
      verdict: values.verdict,
      kind: values.kind,
      principal: values.principal,
    }).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
  const first = await page(config, { limit: String(count), ...filter });
  show(first.entries.toReversed(), values.json === true, io);
  let seen = first.entries[0]?.index ?? -1;
  while (values.follow) {
    await new Promise((resolve) => setTimeout(resolve, FOLLOW_MS));
    const { entries } = await page(config, { limit: String(PAGE), ...filter });
    const fresh = entries.filter(({ index }) => index > seen).toReversed();
    show(fresh, values.json === true, io);
    seen = fresh.at(-1)?.index ?? seen;
  }
  return EXIT.ok;
}

async function search(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, {
    config: { type: 'string', short: 'c' },
    n: { type: 'string', short: 'n' },
  });
  const [q] = positionals;
  if (q === undefined)
    throw usage(
      'log search takes a text to look for',
      'it looks through the newest entries; values are not in the log',
    );
  const config = configOf(values.config as string | undefined, io);
  const { entries, next } = await page(config, { q, limit: String(values.n ?? 50) });
  show(entries, values.json === true, io);
  if (next !== undefined) io.say(`looked as far back as entry ${next}`);
  return EXIT.ok;
}

const wanted = (positionals: readonly string[], what: string): string => {
  const [which] = positionals;
  if (which === undefined || !/^([0-9]+|[0-9a-f-]{36})$/.test(which))
    throw usage(`log ${what} takes an entry's index or id`, `sealrail log ${what} 12`);
  return which;
};

async function showOne(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, { config: { type: 'string', short: 'c' } });
  const config = configOf(values.config as string | undefined, io);
  const view = (await (
    await askDaemon(config, `/api/entries/${wanted(positionals, 'show')}`)
  ).json()) as EntryView & { text: string };
  if (values.json) io.out(JSON.stringify(view));
  else {
    io.out(line(view, io));
    io.out(JSON.stringify(view.entry, null, 2));
    if (view.outcome) io.out(`outcome ${JSON.stringify(view.outcome)}`);
  }
  return EXIT.ok;
}

async function prove(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, {
    config: { type: 'string', short: 'c' },
    out: { type: 'string', short: 'o' },
  });
  const config = configOf(values.config as string | undefined, io);
  const which = wanted(positionals, 'prove');
  const view = (await (await askDaemon(config, `/api/entries/${which}`)).json()) as EntryView;
  const response = await askDaemon(config, `/api/receipts/${view.index}`);
  const file = String(values.out ?? `entry-${view.index}.tlog-proof`);
  writeFileSync(file, new Uint8Array(await response.arrayBuffer()));
  if (values.json) io.out(JSON.stringify({ index: view.index, file }));
  else {
    io.out(file);
    io.say(`check it anywhere: sealrail verify ${file} --key log.vkey`);
  }
  return EXIT.ok;
}

export const logCommand: Command = async (args, io) => {
  const [verb, ...rest] = args;
  const verbs: Readonly<Record<string, (args: readonly string[], io: Io) => Promise<number>>> = {
    tail,
    search,
    show: showOne,
    prove,
  };
  const run = verbs[verb ?? ''];
  if (!run)
    throw usage(`log ${verb ?? ''}: no such command`, `log ${Object.keys(verbs).join('|')}`);
  return run(rest, io);
};

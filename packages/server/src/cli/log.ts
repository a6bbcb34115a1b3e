/** `log tail|search|show|prove`: the log in a terminal. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ENTRY_KINDS, VERDICTS } from '@sealrail/sdk';
import type { EntryPage, EntryView, Unreadable } from '../api/entries.ts';
import type { EntryFilter } from '../api/filter.ts';
import { nearest } from '../config/nearest.ts';
import { CliError, type Command, EXIT, type Io, printable, usage } from './io.ts';
import { exportVerb } from './log-export.ts';
import { followEntries } from './log-follow.ts';
import { eraseVerb, sealVerb, succeedVerb } from './log-life.ts';
import { line } from './log-lines.ts';
import { recheckVerb } from './log-recheck.ts';
import { openLogView } from './log-view.ts';
import { CONFIG, onlyOne, parseOptions } from './options.ts';
import { configOf } from './place.ts';

export const logCommand: Command = {
  line: 'log tail|search|show|prove|recheck|export|erase|seal|succeed',
  does: 'the log in a terminal; prove N writes a receipt',
  help: `
  log tail [-n COUNT] [-f]        the newest entries; -f goes on as they come
  log search TEXT [-n COUNT]      the newest entries that hold a text; values are not in the log
  log show INDEX|ID               one entry, whole
  log prove INDEX|ID [-o FILE]    its receipt, which verify checks on its own
  log recheck [--since 30d]       every logged decision made again from its own inputs
  log export DIR                  a verified copy, incremental, while the log grows
  log erase --subject S --reason R  destroys the clear values of somebody; every proof stays
  log seal --reason TEXT          ends the log for good
  log succeed --from DIR …        begins a new log that follows one that ended or was lost

  --kind K        of tail and search: decision, outcome, change, finding, access, session, system
  --verdict V     allow, hold or deny
  --principal P   whose
  -c FILE         the configuration
  --json          tail, search: one line an entry: index, state, entry, outcome; show: one line;
                  prove: index, file; recheck and what follows it: sealrail log recheck --help

Asks the daemon where one runs; else the published files are read.`,
  verbs: new Map([
    ['recheck', recheckVerb],
    ['export', exportVerb],
    ['erase', eraseVerb],
    ['seal', sealVerb],
    ['succeed', succeedVerb],
  ]),
  run: log,
};

const COUNT_MAX = 200;
const COUNT_DEFAULT = 20;

const PAGED = {
  ...CONFIG,
  n: { type: 'string', short: 'n' },
  kind: { type: 'string' },
  verdict: { type: 'string' },
  principal: { type: 'string' },
} as const;

type Verb = (args: readonly string[], io: Io) => Promise<number>;

async function log(args: readonly string[], io: Io): Promise<number> {
  const [verb = '', ...rest] = args;
  const run = VERBS.get(verb);
  if (run) return run(rest, io);
  const names = [...VERBS.keys()];
  const meant = nearest(verb, names);
  throw usage(
    `log has no command ${JSON.stringify(verb)}`,
    meant ? `did you mean sealrail log ${meant}?` : `sealrail log ${names.join('|')}`,
  );
}

const VERBS: ReadonlyMap<string, Verb> = new Map([
  ['tail', tail],
  ['search', search],
  ['show', show],
  ['prove', prove],
  ['recheck', recheckVerb.run],
  ['export', exportVerb.run],
  ['erase', eraseVerb.run],
  ['seal', sealVerb.run],
  ['succeed', succeedVerb.run],
]);

function countOf(text: string | undefined): number {
  const count = Number(text ?? COUNT_DEFAULT);
  if (Number.isSafeInteger(count) && count >= 1 && count <= COUNT_MAX) return count;
  throw usage(`-n takes a number from 1 to ${COUNT_MAX}`);
}

interface Filtered {
  readonly kind?: string | undefined;
  readonly verdict?: string | undefined;
  readonly principal?: string | undefined;
}

/** Checked here as well as by the daemon: the files have no daemon. */
function filterOf({ kind, verdict, principal }: Filtered): EntryFilter {
  const kinds = kind?.split(',').map((one) => known(one, ENTRY_KINDS, '--kind'));
  return {
    ...(kinds === undefined ? {} : { kind: kinds }),
    ...(verdict === undefined ? {} : { verdict: known(verdict, VERDICTS, '--verdict') }),
    ...(principal === undefined ? {} : { principal }),
  };
}

function known<T extends string>(word: string, words: readonly T[], option: string): T {
  const found = words.find((one) => one === word);
  if (found !== undefined) return found;
  throw usage(`${option} ${JSON.stringify(word)} is none of ${words.join(', ')}`);
}

function print(views: readonly EntryView[], json: boolean, io: Io): void {
  for (const view of views) io.out(json ? JSON.stringify(view) : line(view, io));
}

/** Oldest of them first, as one reads. Damage is said, and does not hide the rest. */
function printPage({ entries, unreadable }: EntryPage, json: boolean, io: Io): void {
  print(entries.toReversed(), json, io);
  for (const one of unreadable) sayUnreadable(one, io);
}

const sayUnreadable = ({ index, reason }: Unreadable, io: Io): void =>
  io.say(`entry ${index} cannot be read: ${printable(reason)}`);

async function tail(args: readonly string[], io: Io): Promise<number> {
  const { values } = parseOptions(args, { ...PAGED, follow: { type: 'boolean', short: 'f' } });
  const limit = countOf(values.n);
  const filter = filterOf(values);
  const config = await configOf(values.config, io);
  const json = values.json === true;
  const page = await (await openLogView(config, io)).page({ limit, ...filter });
  printPage(page, json, io);
  if (!values.follow) return EXIT.ok;
  await followEntries(config, page.size, filter, (view) => {
    if ('reason' in view) sayUnreadable(view, io);
    else print([view], json, io);
  });
  throw new CliError(EXIT.unavailable, 'there is nothing to follow: no daemon runs');
}

async function search(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, PAGED);
  const q = onlyOne(positionals, 'log search takes one text', 'sealrail log search customers');
  const limit = countOf(values.n);
  const config = await configOf(values.config, io);
  const page = await (await openLogView(config, io)).page({ limit, q, ...filterOf(values) });
  printPage(page, values.json === true, io);
  if (page.next !== undefined) io.say(`looked as far back as entry ${page.next}`);
  return EXIT.ok;
}

function wanted(positionals: readonly string[], verb: string): string {
  const example = `sealrail log ${verb} 12`;
  const which = onlyOne(positionals, `log ${verb} takes an entry's index or id`, example);
  if (/^(0|[1-9][0-9]{0,14}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.test(which)) return which;
  throw usage(`${JSON.stringify(which)} is neither an index nor an id`, example);
}

async function show(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, CONFIG);
  const which = wanted(positionals, 'show');
  const view = await openLogView(await configOf(values.config, io), io);
  const found = await view.one(which);
  if (values.json) {
    io.out(JSON.stringify(found));
    return EXIT.ok;
  }
  io.out(line(found, io));
  for (const text of JSON.stringify(found.entry, null, 2).split('\n')) io.out(printable(text));
  if (found.outcome) io.out(`outcome ${printable(JSON.stringify(found.outcome))}`);
  return EXIT.ok;
}

async function prove(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, {
    ...CONFIG,
    out: { type: 'string', short: 'o' },
  });
  const which = wanted(positionals, 'prove');
  const view = await openLogView(await configOf(values.config, io), io);
  const { index } = await view.one(which);
  const receipt = await view.receipt(index);
  const file = values.out ?? `entry-${index}.tlog-proof`;
  try {
    writeFileSync(resolve(io.cwd, file), receipt);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(EXIT.configuration, `couldn't write the receipt: ${reason}`);
  }
  if (values.json) io.out(JSON.stringify({ index, file }));
  else {
    io.out(file);
    io.say(`check it anywhere: sealrail verify ${file} --key log.vkey`);
  }
  return EXIT.ok;
}

/** `policy except`: the smallest exception that would have let one logged decision through, as a patch. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import {
  type Action,
  type DecisionEntry,
  isAction,
  judgeAgain,
  loggedAction,
  type PolicyFile,
  parseEntry,
  resolvedSchema,
  schemaText,
  withPayloads,
} from '@sealrail/sdk';
import { EntryReader } from '../../api/entries.ts';
import type { Config } from '../../config/config.ts';
import { ConfigError } from '../../config/errors.ts';
import { FULFILMENT_OF_CASES, loadPolicyFiles, readPolicyFiles } from '../../config/policies.ts';
import { openParser, SERVER_LINES } from '../../gateway/postgres/parse.ts';
import { type Exception, type FileChange, proposeException } from '../../policy/exception.ts';
import { exceptionCases } from '../../policy/exception-cases.ts';
import { patchOf } from '../../policy/patch.ts';
import { type Replayed, replayLog } from '../../policy/replay-log.ts';
import { runCases } from '../../policy-tests/run.ts';
import { readTestFile } from '../../policy-tests/test-file.ts';
import { openLogFiles } from '../decisions.ts';
import { CliError, type Command, counted, EXIT, type Io, printable, usage } from '../io.ts';
import { openLogAtRest } from '../log-at-rest.ts';
import { CONFIG, onlyOne, parseOptions } from '../options.ts';
import { configOf } from '../place.ts';
import { progress } from '../progress.ts';
import { changesText, shortStatement } from './words.ts';

export const exceptVerb: Command = {
  line: 'policy except ID [--ttl 30d]',
  does: 'the smallest exception for one decision, as a patch',
  help: `
  ID             of a decision that was denied or held, or its index
  --ttl T        how long the exception holds: 12h, 30d (the default)
  --write FILE   writes the patch there, not to stdout
  -c FILE        the configuration, whose policies and log are read
  --json         one line: decisionId, index, until, policies, patch, cases (of the patch that hold),
                 alsoLetsThrough {decisions, changes, byPrincipal, byResource}; history as recorded

Proposes what lets the same principal do the same to the same resources by the same statement until
then: an unless on each forbid that stopped it, or a permit where there was none, with cases for it.
Shows by replay what else it would let through. Nothing is changed: apply the patch in the folder of
policies (patch -p1), run sealrail policy test, and sealrail policy apply asks those in force.
Exit codes: 0 there is a patch, 1 no exception can help, 64 there is no such decision.`,
  run: except,
};

const TTL_DEFAULT = '30d';
const UNITS_S: Readonly<Record<string, number>> = { h: 3_600, d: 86_400, w: 604_800 };

async function except(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, {
    ...CONFIG,
    ttl: { type: 'string' },
    write: { type: 'string' },
  });
  const id = onlyOne(positionals, 'policy except takes one decision', 'sealrail policy except 12');
  const until = untilOf(values.ttl ?? TTL_DEFAULT, Date.now());
  const config = await configOf(values.config, io);
  const found = await findDecision(id, config);
  const proposed = await propose(found, config, until);
  if (typeof proposed === 'string') throw new CliError(EXIT.failed, `no exception: ${proposed}`);
  const { exception, changes, cases } = proposed;
  const patch = patchOf(changes.map((one) => ({ ...one, name: basename(one.name) })));
  const replayed = await replayBoth(config, exception, io);
  if (values.write !== undefined) writeFileSync(resolve(io.cwd, values.write), patch);
  const { entry, index } = found;
  if (values.json) {
    const { decisions, changes: also, byPrincipal, byResource } = replayed;
    const alsoLetsThrough = { decisions, changes: also, byPrincipal, byResource };
    const { policies } = exception;
    io.out(
      JSON.stringify({
        decisionId: entry.id,
        index,
        until,
        policies,
        patch,
        cases,
        alsoLetsThrough,
      }),
    );
    return EXIT.ok;
  }
  if (values.write === undefined) io.stdout.write(patch);
  show({ entry, until, exception, cases, replayed }, io);
  return EXIT.ok;
}

function untilOf(ttl: string, nowMs: number): string {
  const [, count, unit = ''] = /^([1-9]\d{0,3})([hdw])$/.exec(ttl) ?? [];
  const seconds = UNITS_S[unit];
  if (count === undefined || seconds === undefined)
    throw usage(`--ttl ${JSON.stringify(ttl)} is no time`, '--ttl 30d, 12h');
  const at = new Date(nowMs + Number(count) * seconds * 1_000);
  return `${at.toISOString().slice(0, 19)}Z`;
}

interface Found {
  readonly index: number;
  readonly entry: DecisionEntry;
  readonly action: Action;
}

async function findDecision(which: string, config: Config): Promise<Found> {
  const log = await openLogAtRest(config.log);
  const reader = new EntryReader(log, join(config.log.dir, 'log'));
  const index = /^(0|[1-9]\d{0,14})$/.test(which) ? Number(which) : await reader.indexOf(which);
  if (index === undefined || index >= log.size) throw usage(`there is no entry ${which}`);
  const entry = parseEntry(await log.read(index));
  if (entry.kind !== 'decision')
    throw usage(`entry ${which} is no decision: it is a ${entry.kind}`);
  const { blobs } = await openLogFiles(config.log);
  const action = loggedAction(entry, blobs);
  const whole = withPayloads(entry, blobs);
  if (!isAction(action) || whole === undefined)
    throw new CliError(
      EXIT.failed,
      `no exception: what was decided cannot be made again: ${action}`,
    );
  return { index, entry: whole, action };
}

interface Proposed {
  readonly exception: Exception;
  readonly changes: readonly FileChange[];
  /** Cases of the patch; each was run, and holds. */
  readonly cases: number;
}

async function propose(
  { entry, action }: Found,
  config: Config,
  until: string,
): Promise<Proposed | string> {
  const name = `exception-${entry.id.slice(0, 13)}`;
  const files = readPolicyFiles(config.policies);
  const newFile = join(config.policies, `${name}.cedar`);
  if (files.some((file) => file.name === newFile)) return `${basename(newFile)} is there already`;
  const exception = proposeException({
    entry,
    action,
    files,
    load: loadPolicyFiles,
    until,
    newFile,
  });
  if (typeof exception === 'string') return exception;
  const set = loadPolicyFiles(files);
  const decided = judgeAgain(set, entry.decision, entry.time, action);
  set.close();
  const options = { action, decided, decisionId: entry.id, until, time: entry.time };
  const text = exceptionCases(options);
  const cases = text === undefined ? 0 : await casesThatHold(text, exception.files);
  if (text === undefined || cases === 0) return { exception, changes: exception.changes, cases: 0 };
  const test = { name: join(config.policies, `${name}.test.yaml`), before: '', after: text };
  return { exception, changes: [...exception.changes, test], cases };
}

/** How many there are where all of them hold, else none: a case that fails must not be proposed. */
async function casesThatHold(text: string, files: readonly PolicyFile[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'sealrail-except-'));
  const set = loadPolicyFiles(files, FULFILMENT_OF_CASES);
  try {
    const path = join(folder, 'exception.test.yaml');
    writeFileSync(path, text, { mode: 0o600 });
    const parse = await openParser(SERVER_LINES[SERVER_LINES.length - 1] ?? 18);
    const schema = resolvedSchema(schemaText());
    const results = runCases(set, readTestFile(path, { schema, parse }), schema);
    return results.every(({ differences }) => differences.length === 0) ? results.length : 0;
  } catch (error) {
    if (error instanceof ConfigError) return 0;
    throw error;
  } finally {
    set.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Under the policies as they are and as they would be: what differs is the exception's doing. */
async function replayBoth(config: Config, { files: next }: Exception, io: Io): Promise<Replayed> {
  const [before, after] = [
    loadPolicyFiles(readPolicyFiles(config.policies)),
    loadPolicyFiles(next),
  ];
  const { files } = await openLogFiles(config.log);
  const shown = progress(io, 'replaying');
  try {
    return await replayLog({
      files,
      privateFolder: join(config.log.dir, 'private'),
      candidate: after.canonical,
      instead: before.canonical,
      onProgress: shown.step,
    });
  } finally {
    shown.end();
    before.close();
    after.close();
  }
}

interface Shown {
  readonly entry: DecisionEntry;
  readonly until: string;
  readonly exception: Exception;
  readonly cases: number;
  readonly replayed: Replayed;
}

function show({ entry, until, exception, cases, replayed }: Shown, io: Io): void {
  const { decision, principal, statement } = entry;
  const who = principal === undefined ? 'nobody' : `${principal.type} ${principal.id}`;
  io.say(
    `decision ${entry.id}: ${decision.verdict} (${decision.code}) for ${printable(who)}: ${shortStatement(statement ?? '')}`,
  );
  io.say(`excepted until ${until}: ${exception.policies.join(', ')}; this loosens`);
  io.say(cases > 0 ? `${counted(cases, 'case')} for it, all hold` : 'no case could be made for it');
  const { decisions, changes, byPrincipal, byResource } = replayed;
  const all = counted(decisions, 'decision');
  io.say(`over ${all} of the log: ${changesText(changes) || 'nothing'}`);
  for (const { name, changes: each } of [...byPrincipal, ...byResource])
    io.say(`  ${printable(name)}: ${changesText(each)}`);
}

/**
 * `sealrail verify`: a log's folder or address, or one receipt, checked by files and a public key
 * only.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  directorySource,
  hashing,
  parseVkey,
  sha256,
  TlogError,
  verifySignature,
} from '@sealrail/tlog';
import {
  httpSource,
  parseWitnessPolicy,
  type TreeSource,
  verifyReceipt,
  verifyTree,
  type WitnessPolicy,
} from '@sealrail/tlog/verify';
import { verifyPredecessor, withPredecessor } from './verify-predecessor.ts';
import {
  type Checked,
  progressOn,
  reportJson,
  reportText,
  type VerifyIo,
} from './verify-report.ts';

const EXIT_OK = 0;
const EXIT_USAGE = 64;
const EXIT_FAILED = 65;
const EXIT_UNAVAILABLE = 69;

const USAGE = `sealrail verify DIR|URL|FILE.tlog-proof --key VKEY|FILE

Checks a log, or one receipt, by its files and a public key; contacts nobody else.
DIR is a log's folder, with checkpoint and tile/ in it; URL is the address of such a folder.

  --key VKEY|FILE    the log's public key, or a file that holds it (log.vkey);
                     from whoever vouches for it, never from the log itself
  --checkpoint FILE  a checkpoint that you kept, which the log must extend;
                     may be given more than once
  --predecessor DIR  the log that this one succeeds, checked too: it has to hold the checkpoint that
                     stands in the first entry here
  --predecessor-key VKEY|FILE
                     its public key
  --witness-policy FILE
                     whose cosignatures the checkpoint has to carry (c2sp.org/tlog-policy)
  --entry FILE       the entry's exact bytes, for a receipt that does not carry them
  --min-index N      bundles wholly below entry N may be absent, under a retention policy
  --json             one line on stdout: ok, kind, origin, size, root, rootMatches, entries,
                     against, findings [{severity, what, path, index, hint}], more, seconds;
                     of a receipt also index and entry (base64); or ok and error

Exit codes: 0 verified, 64 usage, 65 not verified, 69 could not look.
`;

class UsageError extends Error {}

/** Prints the findings and returns the exit code. */
export async function verifyCommand(args: string[], io: VerifyIo): Promise<number> {
  let json = args.includes('--json');
  try {
    const options = readOptions(args);
    if (options === 'help') {
      io.stdout.write(USAGE);
      return EXIT_OK;
    }
    json = options.json;
    const checked = await check(options, io);
    if (json) io.stdout.write(`${JSON.stringify(reportJson(checked))}\n`);
    else io.stdout.write(reportText(checked, io.stdout));
    return checked.report.ok ? EXIT_OK : EXIT_FAILED;
  } catch (error) {
    const usage = error instanceof UsageError;
    const message = error instanceof Error ? error.message : String(error);
    const hint = usage
      ? 'sealrail verify --help'
      : error instanceof TlogError
        ? error.hint
        : undefined;
    if (json)
      io.stdout.write(
        `${JSON.stringify({ ok: false, error: { message, ...(hint ? { hint } : {}) } })}\n`,
      );
    else io.stderr.write(`sealrail verify: ${message}\n${hint ? `  hint: ${hint}\n` : ''}`);
    return usage ? EXIT_USAGE : EXIT_UNAVAILABLE;
  }
}

interface Options {
  readonly target: string;
  readonly vkey: string;
  readonly held: readonly Uint8Array[];
  readonly policy?: WitnessPolicy;
  readonly predecessor?: { readonly folder: string; readonly vkey: string };
  readonly entry: Uint8Array | undefined;
  readonly minIndex: number | undefined;
  readonly json: boolean;
}

function readOptions(args: string[]): Options | 'help' {
  const { values, positionals } = parse(args);
  if (values.help) return 'help';
  const [target, ...more] = positionals;
  if (target === undefined) throw new UsageError('name a folder, an address or a .tlog-proof file');
  if (more.length > 0) throw new UsageError(`one target at a time, and ${more[0]} is a second one`);
  if (values.key === undefined)
    throw new UsageError('--key is required: the log cannot be asked who it is');
  const minIndex = values['min-index'];
  if (minIndex !== undefined && !(/^\d+$/.test(minIndex) && Number.isSafeInteger(Number(minIndex))))
    throw new UsageError(`--min-index takes a whole number, not ${minIndex}`);
  return {
    target,
    vkey: readKey('--key', values.key),
    held: (values.checkpoint ?? []).map((path) => readArgument('--checkpoint', path)),
    ...readPolicy(values['witness-policy']),
    ...predecessorOf(values.predecessor, values['predecessor-key']),
    entry: values.entry === undefined ? undefined : readArgument('--entry', values.entry),
    minIndex: minIndex === undefined ? undefined : Number(minIndex),
    json: values.json ?? false,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        key: { type: 'string' },
        checkpoint: { type: 'string', multiple: true },
        entry: { type: 'string' },
        'min-index': { type: 'string' },
        'witness-policy': { type: 'string' },
        predecessor: { type: 'string' },
        'predecessor-key': { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** The key itself, or a file that holds it and nothing else. */
function readKey(option: string, given: string): string {
  const text = existsSync(given) ? Buffer.from(readArgument(option, given)).toString() : given;
  try {
    parseVkey(text.trim(), sha256);
    return text.trim();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const where = text === given ? ', and there is no such file' : ` in ${given}`;
    throw new UsageError(`${option}: ${why}${where}`);
  }
}

function predecessorOf(
  folder: string | undefined,
  key: string | undefined,
): Pick<Options, 'predecessor'> {
  if (folder === undefined && key === undefined) return {};
  if (folder === undefined || key === undefined)
    throw new UsageError('--predecessor and --predecessor-key go together');
  return { predecessor: { folder, vkey: readKey('--predecessor-key', key) } };
}

function readPolicy(path: string | undefined): { policy?: WitnessPolicy } {
  if (path === undefined) return {};
  const bytes = readArgument('--witness-policy', path);
  try {
    return { policy: parseWitnessPolicy(bytes, sha256) };
  } catch (error) {
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function readArgument(option: string, path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`${option}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function check(options: Options, io: VerifyIo): Promise<Checked> {
  const started = performance.now();
  const { target, minIndex, entry, json, predecessor, ...rest } = options;
  const trust = { ...rest, verifier: verifySignature };
  const source = treeAt(target, io);
  if (source === undefined) {
    if (minIndex !== undefined) throw new UsageError('--min-index is for a log, not for a receipt');
    const given = entry === undefined ? {} : { entry };
    const report = await verifyReceipt({
      ...trust,
      ...given,
      sha256,
      receipt: readReceipt(target),
    });
    return { kind: 'receipt', target, report, seconds: (performance.now() - started) / 1000 };
  }
  if (entry !== undefined) throw new UsageError('--entry is for a receipt, not for a log');
  let first: Uint8Array | undefined;
  const onEntry = (index: number, bytes: Uint8Array): void => {
    if (index === 0) first = Uint8Array.from(bytes);
  };
  const progress = progressOn(json ? undefined : io.stderr);
  const bound = minIndex === undefined ? {} : { minIndex };
  try {
    const { show: onProgress } = progress;
    const tree = { ...trust, ...bound, hashing, source, onProgress };
    const own = await verifyTree({ ...tree, ...(predecessor && { onEntry }) });
    const report = predecessor
      ? withPredecessor(own, await verifyPredecessor(predecessor, first, onProgress))
      : own;
    return { kind: 'tree', target, report, seconds: (performance.now() - started) / 1000 };
  } finally {
    progress.end();
  }
}

/** Undefined for what is a file. */
function treeAt(target: string, io: VerifyIo): TreeSource | undefined {
  if (/^https?:\/\//i.test(target)) return httpSource(target);
  if (statTarget(target).isFile()) return undefined;
  const inner = join(target, 'log');
  const isDataFolder =
    !existsSync(join(target, 'checkpoint')) &&
    !existsSync(join(target, 'tile')) &&
    existsSync(join(inner, 'checkpoint'));
  if (!isDataFolder) return directorySource(target);
  io.stderr.write(`${target} is a data folder: verifying ${inner}\n`);
  return directorySource(inner);
}

function statTarget(target: string) {
  try {
    return statSync(target);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TlogError('SOURCE_UNAVAILABLE', `couldn't look at ${target}: ${why}`, { cause });
  }
}

function readReceipt(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TlogError('SOURCE_UNAVAILABLE', `couldn't read ${path}: ${why}`, { cause });
  }
}

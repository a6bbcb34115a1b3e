/** `sealrail verify`: an offline check by files and public keys only. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type DirectorySource, directorySource, parseVkey, sha256, type VerifierKey, verifyEd25519 } from '@sealrail/tlog';
import { type Report, type TreeSource, verifyReceipt, verifyTree } from '@sealrail/tlog/verify';
import { CliError, type Command, EXIT, type Io, paint, usage } from './io.ts';
import { parseOptions } from './options.ts';

export const verifyHelp = `sealrail verify DIR|URL|FILE.tlog-proof --key VKEY|FILE
  [--entry FILE] [--min-index N] [--checkpoint FILE]… [--json]

Checks a log's files, a log served over HTTP, or one receipt. Needs nothing of the daemon and trusts
nothing that it checks: the public key comes from you. --checkpoint names one that you kept before.`;

function readKey(text: string): VerifierKey {
  const value = existsSync(text) ? readFileSync(text, 'utf8').trim() : text;
  try {
    return parseVkey(value, sha256);
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error), '--key takes a public key, or a file that holds one such as log.vkey');
  }
}

function readFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch {
    throw new CliError(EXIT.unavailable, `${path} cannot be read`);
  }
}

function httpSource(base: string): TreeSource {
  const root = base.replace(/\/+$/, '');
  return {
    async get(path) {
      let response: Response;
      try {
        response = await fetch(`${root}/${path}`);
      } catch {
        throw new CliError(EXIT.unavailable, `${root} does not answer`);
      }
      if (response.status === 404) return undefined;
      if (!response.ok) throw new CliError(EXIT.unavailable, `${root}/${path} answered ${response.status}`);
      return new Uint8Array(await response.arrayBuffer());
    },
  };
}

/** The tree itself, or the data directory that holds it as `log`. */
function treeFolder(path: string): string {
  return !existsSync(join(path, 'checkpoint')) && existsSync(join(path, 'log/checkpoint')) ? join(path, 'log') : path;
}

const jsonReport = (report: Report): string =>
  JSON.stringify({ ...report, entry: undefined }, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value));

const thousands = (value: number | bigint): string => value.toLocaleString('en-US');

function sayReport(report: Report, what: string, io: Io): void {
  const bad = report.findings.filter(({ severity }) => severity !== 'low');
  const mark = report.ok ? paint(io, 'green', '✓') : paint(io, 'red', '✗');
  if (report.size !== undefined) io.out(`${mark} ${what}, checkpoint ${thousands(report.size)} of ${report.origin}`);
  for (const { severity, what: found, hint } of report.findings) {
    io.out(`${severity === 'low' ? '·' : paint(io, 'red', '✗')} ${found}`);
    if (hint !== undefined) io.out(`  hint: ${hint}`);
  }
  if (report.more > 0) io.out(`  and ${thousands(report.more)} more`);
  if (report.ok) io.out(`${paint(io, 'green', '✓')} verified: ${report.against}`);
  else io.out(`${paint(io, 'red', '✗')} NOT verified: ${thousands(bad.length + report.more)} ${bad.length + report.more === 1 ? 'thing is' : 'things are'} wrong`);
}

async function checkTree(target: string, key: VerifierKey, held: Uint8Array[], minIndex: number, io: Io, quiet: boolean): Promise<Report> {
  const isUrl = /^https?:\/\//.test(target);
  const folder = isUrl ? target : treeFolder(target);
  if (folder !== target && !quiet) io.say(`verifying ${folder}`);
  const source: TreeSource | DirectorySource = isUrl ? httpSource(target) : directorySource(folder);
  let told = 0;
  const report = await verifyTree({
    source,
    key,
    verifier: verifyEd25519,
    sha256,
    held,
    minIndex,
    onProgress: (done, size) => {
      if (quiet || Date.now() - told < 1_000) return;
      if (told > 0) io.say(`${thousands(done)} of ${thousands(size)} entries`);
      told = Date.now();
    },
  });
  if (!('strangers' in source)) return report;
  const strangers = (await source.strangers()).map((path) => ({ severity: 'low' as const, what: `${path} is no part of a log`, path }));
  return { ...report, findings: [...report.findings, ...strangers] };
}

export const verifyCommand: Command = async (args, io) => {
  const { values, positionals } = parseOptions(args, {
    key: { type: 'string' },
    entry: { type: 'string' },
    'min-index': { type: 'string' },
    checkpoint: { type: 'string', multiple: true },
  });
  const [target] = positionals;
  if (values.help) {
    io.out(verifyHelp);
    return EXIT.ok;
  }
  if (target === undefined || positionals.length > 1) throw usage('verify takes one directory, URL or receipt', 'sealrail verify ./data --key log.vkey');
  if (typeof values.key !== 'string') throw usage('verify needs --key', 'the public key of the log, from somebody whom you trust; never from the log itself');
  const minIndex = Number(values['min-index'] ?? 0);
  if (!Number.isSafeInteger(minIndex) || minIndex < 0) throw usage('--min-index takes a number of entries');
  const key = readKey(values.key);
  const held = ((values.checkpoint ?? []) as string[]).map(readFile);
  const isFile = !/^https?:\/\//.test(target) && existsSync(target) && statSync(target).isFile();
  if (!isFile && !/^https?:\/\//.test(target) && !existsSync(target)) throw new CliError(EXIT.unavailable, `${target} does not exist`);
  const entry = typeof values.entry === 'string' ? { entry: readFile(values.entry) } : {};
  const report = isFile
    ? await verifyReceipt({ receipt: readFile(target), key, verifier: verifyEd25519, sha256, held, ...entry })
    : await checkTree(target, key, held, minIndex, io, values.json === true);
  if (values.json) io.out(jsonReport(report));
  else {
    sayReport(report, isFile ? `entry ${'index' in report ? report.index : ''}` : `${thousands(report.entries)} entries`, io);
    if (isFile && report.ok && 'entry' in report && report.entry) io.out(Buffer.from(report.entry as Uint8Array).toString('utf8'));
  }
  return report.ok ? EXIT.ok : EXIT.verification;
};

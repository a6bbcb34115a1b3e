/** What `sealrail verify` says: marks, findings worst first, and one last line with the result. */
import { styleText } from 'node:util';
import type { ReceiptReport, Report, VerifyFinding } from '@sealrail/tlog/verify';

export interface Writes {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

export interface VerifyIo {
  readonly stdout: Writes;
  readonly stderr: Writes;
}

export type Checked = { readonly target: string; readonly seconds: number } & (
  | { readonly kind: 'tree'; readonly report: Report }
  | { readonly kind: 'receipt'; readonly report: ReceiptReport }
);

/** An entry longer than this is not a thing to read on a terminal. */
export const ENTRY_TEXT_BYTES_MAX = 4096;

export function reportText(checked: Checked, stdout: Writes): string {
  const paint = painter(stdout);
  const { report } = checked;
  const lines = [marks(checked, paint).join('   ')];
  for (const finding of report.findings) lines.push(...findingLines(finding, paint));
  if (report.more > 0) lines.push(`  … and ${count(report.more)} more findings`);
  if (checked.kind === 'receipt' && checked.report.entry)
    lines.push(`  entry: ${entryText(checked.report.entry)}`);
  lines.push(lastLine(checked, paint));
  return `${lines.join('\n')}\n`;
}

/** One line of JSON; integers past 2^53−1 as decimal strings, bytes in base64. */
export function reportJson(checked: Checked): object {
  const { kind, target, seconds, report } = checked;
  const { ok, origin, size, root, entries, rootMatches, against, findings, more } = report;
  const receipt = checked.kind === 'receipt' ? checked.report : undefined;
  // What is undefined is left out of the JSON.
  return {
    ok,
    kind,
    target,
    origin,
    size: size === undefined ? undefined : jsonInteger(size),
    root,
    rootMatches,
    entries,
    index: receipt?.index === undefined ? undefined : jsonInteger(receipt.index),
    entry: receipt?.entry && Buffer.from(receipt.entry).toString('base64'),
    against,
    findings,
    more,
    seconds: Number(seconds.toFixed(3)),
  };
}

const jsonInteger = (value: bigint): number | string =>
  value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : String(value);

type Paint = (colour: 'green' | 'red' | 'yellow' | 'dim', text: string) => string;

/** Colours only on a terminal, and none where NO_COLOR is set (no-color.org). */
function painter(stdout: Writes): Paint {
  const colours = stdout.isTTY === true && !process.env.NO_COLOR;
  return (colour, text) => (colours ? styleText(colour, text, { validateStream: false }) : text);
}

const count = (value: number | bigint): string => value.toLocaleString('en-US');

function marks(checked: Checked, paint: Paint): string[] {
  const mark = (good: boolean, text: string) =>
    `${good ? paint('green', '✓') : paint('red', '✗')} ${text}`;
  const { report } = checked;
  const { size } = report;
  if (size === undefined) return [mark(false, 'no checkpoint of this log')];
  const signed = mark(true, `signed by ${printable(report.origin ?? '')}`);
  if (checked.kind === 'receipt') {
    const where = `entry ${count(checked.report.index ?? 0n)} of ${count(size)}`;
    return [mark(report.rootMatches, where), signed];
  }
  const bad = report.findings.some(
    ({ severity, path }) => severity !== 'low' && path?.startsWith('tile/'),
  );
  const hashed =
    BigInt(report.entries) === size
      ? `${count(size)} entries`
      : `${count(report.entries)} of ${count(size)} entries`;
  const matches = report.rootMatches;
  // An altered entry's hash may still stand in its tile: then the hashes hold, and the entry does
  // not.
  const root = bad
    ? `hashes ${matches ? 'lead' : 'do not lead'} to`
    : `root ${matches ? 'matches' : 'does not match'}`;
  return [mark(!bad, hashed), mark(matches, `${root} checkpoint ${count(size)}`), signed];
}

function findingLines(finding: VerifyFinding, paint: Paint): string[] {
  const colour = finding.severity === 'low' ? 'yellow' : 'red';
  const lines = [`  ${paint(colour, finding.severity)}: ${printable(finding.what)}`];
  if (finding.hint) lines.push(paint('dim', `    hint: ${printable(finding.hint)}`));
  return lines;
}

/** Never "tamper-proof": it says what the log was compared with, and what that leaves open. */
function lastLine({ kind, report }: Checked, paint: Paint): string {
  const failures = report.findings.filter(({ severity }) => severity !== 'low');
  const [worst] = failures;
  if (!report.ok) {
    const others = failures.length + report.more - 1;
    const more = others > 0 ? ` (and ${count(others)} more)` : '';
    return paint('red', `not verified: ${printable(worst?.what ?? 'see above')}${more}`);
  }
  const verified = paint('green', 'verified');
  if (report.against !== 'self-consistent only') return `${verified}, ${printable(report.against)}`;
  const undetected =
    kind === 'tree'
      ? 'a rollback or a rewrite of the whole log is not detected'
      : 'nothing shows that others were given the same log';
  return `${verified}, self-consistent only: without a checkpoint that somebody else kept, ${undetected}`;
}

/**
 * File names, origins and entries come from whoever made the log: a control character in one could
 * repaint the terminal, and a line break could forge the last line.
 */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

function entryText(entry: Uint8Array): string {
  if (entry.length > ENTRY_TEXT_BYTES_MAX) return `${count(entry.length)} bytes`;
  try {
    return printable(new TextDecoder('utf-8', { fatal: true }).decode(entry));
  } catch {
    return `${count(entry.length)} bytes that are no text`;
  }
}

const PROGRESS_MS = 100;

/** A line that is written over, on a terminal only. */
export function progressOn(stderr: Writes | undefined): {
  show(done: number, size: number): void;
  end(): void;
} {
  let shownAt = 0;
  return {
    show(done, size) {
      const now = performance.now();
      if (!stderr?.isTTY || now - shownAt < PROGRESS_MS) return;
      shownAt = now;
      stderr.write(`\r${count(done)} of ${count(size)} entries\x1b[K`);
    },
    end() {
      if (shownAt > 0) stderr?.write('\r\x1b[K');
    },
  };
}

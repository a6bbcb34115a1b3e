/** The report on one target, from the files of the log. */
import { type BlobReader, parseEntry, withPayloads } from '@sealrail/sdk';
import { TILE_WIDTH, tileWidth } from '@sealrail/tlog';
import { isDecision } from './decision-entries.ts';
import { bundlesOf, firstBundleSince, type LogFiles, readBundleAt } from './log-files.ts';
import { type Report, Reporter } from './report.ts';

export interface ReportOptions {
  readonly files: LogFiles;
  readonly blobs: BlobReader;
  readonly target: string;
  readonly since?: string | undefined;
  readonly onProgress?: ((done: number, of: number) => void) | undefined;
}

export interface LogReport extends Report {
  readonly size: number;
  readonly from: number;
  /** Entries that could not be read. */
  readonly damaged: number;
}

/** Members of an entry are sorted: of an outcome this one comes first, or `bytes` does. */
const OUTCOME = Buffer.from('"decisionId":');
const OUTCOME_WITHIN_BYTES = 64;

export function reportOnLog({
  files,
  blobs,
  target,
  since = '',
  onProgress,
}: ReportOptions): LogReport {
  const reporter = new Reporter(target);
  const first = since === '' ? 0 : firstBundleSince(files, since);
  const end = bundlesOf(files);
  let damaged = 0;
  for (let bundle = first; bundle < end; bundle++) {
    const entries = readBundleAt(files, bundle);
    damaged += tileWidth('entries', bundle, files.size) - entries.length;
    for (const [at, bytes] of entries.entries()) {
      if (!isDecision(bytes) && !isOutcome(bytes)) continue;
      try {
        const entry = parseEntry(bytes);
        if (entry.kind === 'outcome') reporter.outcome(entry);
        else if (entry.kind === 'decision' && entry.time >= since)
          reporter.decision(bundle * TILE_WIDTH + at, withPayloads(entry, blobs) ?? entry);
      } catch {
        damaged++;
      }
    }
    onProgress?.(bundle + 1 - first, end - first);
  }
  return { size: files.size, from: first * TILE_WIDTH, damaged, ...reporter.sum() };
}

const isOutcome = (bytes: Uint8Array): boolean =>
  Buffer.from(
    bytes.buffer,
    bytes.byteOffset,
    Math.min(bytes.length, OUTCOME_WITHIN_BYTES),
  ).includes(OUTCOME);

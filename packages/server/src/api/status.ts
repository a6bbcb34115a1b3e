/** How the log and what it guards are doing, in one answer. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '@sealrail/tlog';
import type { PostgresTarget } from '../config/config.ts';
import { type Sizes, sizesOf } from './states.ts';

export type TargetStatus = Pick<PostgresTarget, 'name' | 'kind' | 'env' | 'mode' | 'listen'>;

export interface Status extends Sizes {
  readonly origin: string;
  readonly vkey: string;
  /** Since the checkpoint was published; a log that nothing was added to has an old one, and that is fine. */
  readonly checkpointAgeMs?: number;
  readonly durability: string;
  readonly policySet: string;
  readonly targets: readonly TargetStatus[];
  /** Findings among the entries from `since` on. */
  readonly findings: { readonly count: number; readonly since: number };
  readonly recovery: Log['recovery'];
  /** How far the tree was read back since the start. */
  readonly scrubbed?: Log['scrubbed'];
  /** What nobody would notice. */
  readonly rollback: string;
  /** Why the log has stopped for good, where it has. */
  readonly failed?: string;
  readonly time: string;
}

const ROLLBACK =
  'rollback of the whole machine is not detected: no witness is configured, so nobody else keeps a checkpoint of this log';
const WITNESSED =
  'entries that are witnessed cannot be rolled back or rewritten without its showing; those after them can';

export interface StatusParts {
  readonly log: Log;
  readonly logDir: string;
  readonly durability: string;
  readonly policySet: string;
  readonly targets: readonly TargetStatus[];
  readonly findings: Status['findings'];
  readonly failed: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export async function statusOf(parts: StatusParts): Promise<Status> {
  const { log, logDir, now, failed, ...rest } = parts;
  const published = await stat(join(logDir, 'checkpoint')).catch(() => undefined);
  return {
    origin: log.origin,
    vkey: log.vkey,
    ...sizesOf(log),
    ...(published ? { checkpointAgeMs: Math.max(0, Math.round(now - published.mtimeMs)) } : {}),
    ...rest,
    recovery: log.recovery,
    ...(log.scrubbed === undefined ? {} : { scrubbed: log.scrubbed }),
    rollback: log.states.witnessed === undefined ? ROLLBACK : WITNESSED,
    ...(failed === undefined ? {} : { failed }),
    time: new Date(now).toISOString(),
  };
}

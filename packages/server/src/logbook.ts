/** What the daemon writes about itself: starts and stops, heartbeats, and every change of what is in force. */
import { createHash } from 'node:crypto';
import {
  type ChangeFields,
  type EntryFields,
  encodeCanonical,
  type FindingFields,
  type Json,
  type PolicySet,
  type Recorder,
  type SideStore,
  type SystemFields,
} from '@sealrail/sdk';
import type { Log, LogFinding } from '@sealrail/tlog';
import type { Config, PostgresTarget, TargetMode } from './config/config.ts';
import { NAMED_MAX, type Past } from './look-back.ts';
import { VERSION } from './version.ts';

export const HEARTBEAT_MS = 60_000;
/** Also after so many entries: a start finds the last one within a bounded look back. */
export const HEARTBEAT_ENTRIES = 20_000;
export const REFUSED_LENGTH_MAX = 2_000;
/** Less than this is left: not much time either. */
const DISK_HIGH_PERCENT = 95;

export interface InForce {
  readonly config: Config;
  readonly policies: Pick<PolicySet, 'digest' | 'canonical' | 'shadow'>;
}

export interface LogbookParts {
  readonly log: Pick<Log, 'size' | 'recovery'>;
  readonly recorder: Recorder;
  readonly sideStore: Pick<SideStore, 'putBlob'> & {
    readonly cutTail: { readonly bytes: number; readonly digest: string } | undefined;
  };
}

/** As the last system entry has it; anything may be missing in one of an earlier version. */
interface Known {
  readonly policySet?: string;
  /** Digest of the set with its shadow policies; absent where there are none. */
  readonly shadow?: string;
  readonly configuration?: string;
  readonly modes?: Readonly<Record<string, TargetMode>>;
}

export class Logbook {
  readonly #parts: LogbookParts;
  #beat: { readonly atMs: number; readonly size: number };
  #isBeating = false;
  #stalledAtMs: number | undefined;

  /** Times in milliseconds of one monotonic clock. */
  constructor(parts: LogbookParts, nowMs: number) {
    this.#parts = parts;
    this.#beat = { atMs: nowMs, size: parts.log.size };
  }

  async start(force: InForce, past: Past): Promise<void> {
    const { log, sideStore } = this.#parts;
    const { recovery } = log;
    await this.#system('start', force, {
      version: VERSION,
      node: process.version,
      durability: force.config.log.durability,
      epoch: recovery.epoch,
      size: recovery.size,
      rewritten: recovery.rewritten,
      ...(recovery.cutTail ? { cutTail: { ...recovery.cutTail } } : {}),
      ...(sideStore.cutTail ? { valuesCutTail: { ...sideStore.cutTail } } : {}),
    });
    await this.#coverage(force);
    await this.#degraded(force);
    await this.#change((past.system ?? {}) as Known, force, 'read at start');
    await this.#findings(past);
  }

  stop(force: InForce): Promise<unknown> {
    return this.#system('stop', force, { size: this.#parts.log.size });
  }

  /**
   * A heartbeat, where one is due. Rejects where the log takes none; it is due again at once then, and the
   * first that the log takes is followed by how long it had taken nothing.
   */
  async beat(force: InForce, sessions: number, nowMs: number): Promise<void> {
    const { size } = this.#parts.log;
    const isDue =
      nowMs - this.#beat.atMs >= HEARTBEAT_MS || size - this.#beat.size >= HEARTBEAT_ENTRIES;
    if (!isDue || this.#isBeating) return;
    this.#isBeating = true;
    try {
      await this.#system('heartbeat', force, { size, sessions });
    } catch (error) {
      this.#stalledAtMs ??= nowMs;
      throw error;
    } finally {
      this.#isBeating = false;
    }
    this.#beat = { atMs: nowMs, size };
    const stalledAtMs = this.#stalledAtMs;
    this.#stalledAtMs = undefined;
    if (stalledAtMs !== undefined)
      await this.#system('recovered', force, {
        reason: 'log-stalled',
        stalledMs: Math.round(nowMs - stalledAtMs),
      });
  }

  /** What the log noticed about the disk that it is on, or about its witnesses. */
  noticed({ rule, message, percent }: LogFinding): Promise<unknown> {
    // A disk that fills leaves time; witnesses that are missing leave the log's word alone.
    const isHigh = percent === undefined || percent >= DISK_HIGH_PERCENT;
    const severity = isHigh ? 'high' : 'medium';
    return this.#record({ kind: 'finding', rule, severity, message, about: [] });
  }

  /** Resolves when everything that differs is on disk. */
  async changed(before: InForce, after: InForce, why: string): Promise<void> {
    await this.#change(knownOf(before), after, why);
    await this.#coverage(after);
  }

  refused({ config }: InForce, reason: string): Promise<unknown> {
    return this.#record({
      kind: 'change',
      what: 'configuration',
      subject: config.file,
      before: config.digest,
      after: config.digest,
      why: 'reloaded',
      refused: reason.slice(0, REFUSED_LENGTH_MAX).toWellFormed(),
    });
  }

  #record(fields: EntryFields): Promise<number> {
    return this.#parts.recorder.record(fields, {}).durable;
  }

  /** Each names what is in force, so that the next start, however it comes about, knows what it was. */
  #system(
    event: SystemFields['event'],
    force: InForce,
    detail: Readonly<Record<string, Json>>,
  ): Promise<number> {
    const known = knownOf(force) as unknown as Record<string, Json>;
    return this.#record({ kind: 'system', event, detail: { ...known, ...detail } });
  }

  async #change(before: Known, after: InForce, why: string): Promise<void> {
    const { config, policies } = after;
    // What an entry names by digest is on disk before the entry is.
    const shadow = policies.shadow?.canonical;
    for (const text of [policies.canonical, config.canonical, ...(shadow ? [shadow] : [])])
      await this.#parts.sideStore.putBlob(Buffer.from(text));
    const change = async (fields: Omit<ChangeFields, 'kind' | 'why'>, more = ''): Promise<void> => {
      if (fields.before !== fields.after)
        await this.#record({ kind: 'change', ...fields, why: more + why });
    };
    await change({
      what: 'policy-set',
      subject: config.policies,
      before: before.policySet ?? '',
      after: policies.digest,
    });
    await change({
      what: 'policy-set',
      subject: `${config.policies}/shadow`,
      before: before.shadow ?? '',
      after: policies.shadow?.digest ?? '',
    });
    await change({
      what: 'configuration',
      subject: config.file,
      before: before.configuration ?? '',
      after: config.digest,
    });
    for (const { name, mode } of config.targets) {
      const old = before.modes?.[name];
      await change(
        {
          what: 'mode',
          subject: name,
          before: old === undefined ? '' : digestOf(old),
          after: digestOf(mode),
        },
        `${old === undefined ? 'none' : modeText(old)} → ${modeText(mode)}, `,
      );
    }
  }

  #coverage(force: InForce): Promise<number> {
    const targets = force.config.targets.map(({ name, kind, env, mode, listen, upstream }) => {
      const { host, port, user, database } = upstream;
      return { name, kind, env, mode, listen, upstream: { host, port, user, database } };
    });
    return this.#system('coverage', force, { targets: targets as unknown as Json });
  }

  /** What was accepted although it weakens a promise shows as that. */
  async #degraded(force: InForce): Promise<void> {
    const { log, targets } = force.config;
    if (log.durability !== 'sync')
      await this.#system('degraded', force, { reason: `durability-${log.durability}` });
    const accepting = ({ upstream }: PostgresTarget): boolean => upstream.accept.length > 0;
    for (const { name, upstream } of targets.filter(accepting))
      await this.#system('degraded', force, {
        reason: 'accepted-privileges',
        target: name,
        privileges: upstream.accept,
      });
  }

  async #findings({ open, unsettled, complete }: Past): Promise<void> {
    const bound = complete ? '' : ' (as far as a start looks back)';
    if (open.length > 0)
      await this.#finding(
        'decision-without-outcome',
        `${open.length} allowed actions have no outcome: what became of them is not known${bound}`,
        open,
      );
    if (unsettled.length > 0)
      await this.#finding(
        'transaction-without-end',
        `${unsettled.length} actions are of transactions without an end: whether they were committed is not known${bound}`,
        unsettled,
      );
  }

  #finding(rule: string, message: string, about: readonly string[]): Promise<number> {
    const severity: FindingFields['severity'] = 'medium';
    const fields = { rule, severity, message, about: about.slice(0, NAMED_MAX) };
    return this.#record({ kind: 'finding', ...fields });
  }
}

function knownOf({ config, policies }: InForce): Known {
  return {
    policySet: policies.digest,
    ...(policies.shadow ? { shadow: policies.shadow.digest } : {}),
    configuration: config.digest,
    modes: Object.fromEntries(config.targets.map(({ name, mode }) => [name, mode])),
  };
}

const modeText = (mode: TargetMode): string =>
  typeof mode === 'string' ? mode : `enforce for ${mode.enforce.join(', ')}`;

const digestOf = (mode: TargetMode): string =>
  createHash('sha256')
    .update(encodeCanonical(mode as Json))
    .digest('hex');

/**
 * The daemon: log, guard, gateways and API, opened in the order in which they depend on each other, and
 * closed in the reverse. Starts, stops, heartbeats and every change of policy or configuration are entries.
 */
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  type EntryFields,
  type Guard,
  NO_PREVIOUS,
  type OpenRecorder,
  type OpenSideStore,
  openGuard,
  openRecorder,
  openSideStore,
  type PolicySet,
  systemClock,
  uuidSource,
} from '@sealrail/sdk';
import { type Log, leafHash, openLog, sha256, toHex } from '@sealrail/tlog';
import { type Api, openApi } from './api/api.ts';
import type { Address, Config } from './config/config.ts';
import { ConfigError } from './config/errors.ts';
import { loadConfig } from './config/load.ts';
import { loadPolicies } from './config/policies.ts';
import { type Gateway, openPostgresGateway } from './gateway/postgres/gateway.ts';
import { lastSystemEntry, openDecisions } from './look-back.ts';
import { VERSION } from './version.ts';

const HEARTBEAT_MS = 60_000;
const DRAIN_MS = 5_000;

export interface Daemon {
  readonly api: { readonly url: string };
  readonly gateways: readonly { readonly target: string; readonly address: Address }[];
  readonly log: Pick<Log, 'size' | 'vkey' | 'recovery'>;
  /** Resolves with the reason when the log has failed for good: nothing passes from then on. */
  readonly failed: Promise<Error>;
  /** Reads configuration, users and policies again; keeps the old ones, with an entry that says why, if that fails. */
  reload(): Promise<{ readonly ok: boolean; readonly message: string }>;
  close(): Promise<void>;
}

interface Parts {
  readonly log: Log;
  readonly sideStore: OpenSideStore;
  readonly recorder: OpenRecorder;
  readonly guard: Guard;
}

class RunningDaemon implements Daemon {
  readonly #parts: Parts;
  readonly #gateways = new Map<string, Gateway>();
  #config: Config;
  #policies: PolicySet;
  #api: Api | undefined;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(parts: Parts, config: Config, policies: PolicySet) {
    this.#parts = parts;
    this.#config = config;
    this.#policies = policies;
  }

  get log(): Log {
    return this.#parts.log;
  }
  get failed(): Promise<Error> {
    // A chain with a hole in it must not go on either.
    return Promise.race([this.#parts.log.failed, this.#parts.recorder.failed]);
  }
  get api(): { url: string } {
    return { url: this.#api?.url ?? '' };
  }
  get gateways(): { target: string; address: Address }[] {
    return [...this.#gateways].map(([target, { address }]) => ({ target, address }));
  }

  #record(fields: EntryFields): Promise<number> {
    return this.#parts.recorder.record(fields, {}).durable;
  }

  #system(
    event: 'start' | 'stop' | 'heartbeat',
    detail: Record<string, string | number | boolean> = {},
  ): Promise<number> {
    const digests = { policySet: this.#policies.digest, configuration: this.#config.digest };
    return this.#record({ kind: 'system', event, detail: { ...digests, ...detail } });
  }

  async start(): Promise<void> {
    const { log, recorder, guard } = this.#parts;
    const before = await lastSystemEntry(log);
    const open = await openDecisions(log);
    const { recovery } = log;
    await this.#system('start', {
      version: VERSION,
      node: process.version,
      durability: this.#config.log.durability,
      rewritten: recovery.rewritten,
      ...(recovery.cutTail
        ? { cutTailBytes: recovery.cutTail.bytes, cutTailDigest: recovery.cutTail.digest }
        : {}),
    });
    await this.#changed(
      'policy-set',
      before?.policySet ?? '',
      this.#policies.digest,
      'read at start',
    );
    await this.#changed(
      'configuration',
      before?.configuration ?? '',
      this.#config.digest,
      'read at start',
    );
    if (open.length > 0) {
      await this.#record({
        kind: 'finding',
        rule: 'decision-without-outcome',
        severity: 'medium',
        message: `${open.length} allowed actions have no outcome: what became of them is not known`,
        about: open,
      });
    }
    const uuid = uuidSource((bytes) => randomBytes(bytes));
    for (const target of this.#config.targets) {
      const gateway = await openPostgresGateway({
        target,
        users: () => this.#config.users,
        guard,
        recorder,
        newId: () => uuid(Date.now()),
        nowMs: () => Date.now(),
        nowUs: () => performance.now() * 1_000,
      });
      this.#gateways.set(target.name, gateway);
    }
    this.#api = await openApi({
      listen: this.#config.api.listen,
      log,
      recorder,
      logDir: join(this.#config.log.dir, 'log'),
      policies: () => this.#policies,
      targets: () =>
        this.#config.targets.map(({ name, kind, env, mode, listen }) => ({
          name,
          kind,
          env,
          mode,
          listen: this.#gateways.get(name)?.address ?? listen,
        })),
      durability: this.#config.log.durability,
      explain: {
        gateways: this.#gateways,
        users: () => this.#config.users,
        targets: () => this.#config.targets,
        guard,
      },
    });
    this.#heartbeat = setInterval(() => {
      // A log that fails here fails for everybody; `failed` says so.
      this.#system('heartbeat', {
        size: log.size,
        sessions: [...this.#gateways.values()].reduce((sum, { sessions }) => sum + sessions, 0),
      }).catch(() => undefined);
    }, HEARTBEAT_MS);
  }

  /** The set itself is on disk before the entry that names it. */
  async #changed(
    what: 'policy-set' | 'configuration',
    before: string,
    after: string,
    why: string,
  ): Promise<void> {
    if (what === 'policy-set')
      await this.#parts.sideStore.putBlob(Buffer.from(this.#policies.canonical));
    if (before === after) return;
    await this.#record({
      kind: 'change',
      what,
      subject: what === 'policy-set' ? this.#config.policies : this.#config.file,
      before,
      after,
      why,
    });
  }

  async reload(): Promise<{ ok: boolean; message: string }> {
    const old = { config: this.#config, policies: this.#policies };
    try {
      const config = loadConfig(this.#config.file);
      const fixed = immovable(old.config, config);
      if (fixed !== undefined)
        throw new ConfigError([
          { file: config.file, message: `${fixed} can only be changed by a restart` },
        ]);
      const policies = loadPolicies(config.policies);
      this.#config = config;
      this.#policies = policies;
      await this.#changed('policy-set', old.policies.digest, policies.digest, 'reloaded');
      await this.#changed('configuration', old.config.digest, config.digest, 'reloaded');
      this.#parts.guard.replace(policies);
      for (const target of config.targets) this.#gateways.get(target.name)?.reload(target);
      return {
        ok: true,
        message: `policy set ${policies.digest.slice(0, 12)}, ${config.users.length} users`,
      };
    } catch (error) {
      this.#config = old.config;
      this.#policies = old.policies;
      const reason = error instanceof Error ? error.message : String(error);
      await this.#record({
        kind: 'change',
        what: 'configuration',
        subject: old.config.file,
        before: old.config.digest,
        after: old.config.digest,
        why: 'reloaded',
        refused: reason.slice(0, 2_000),
      });
      return { ok: false, message: reason };
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    await Promise.all([...this.#gateways.values()].map((gateway) => gateway.close(DRAIN_MS)));
    await this.#api?.close();
    await this.#system('stop', { size: this.#parts.log.size }).catch(() => undefined);
    await this.#parts.log.close();
    await this.#parts.sideStore.close();
  }
}

/** What cannot change while sessions run on it. */
function immovable(before: Config, after: Config): string | undefined {
  if (
    before.log.dir !== after.log.dir ||
    before.log.origin !== after.log.origin ||
    before.log.state !== after.log.state
  )
    return 'log';
  if (JSON.stringify(before.api) !== JSON.stringify(after.api)) return 'api.listen';
  const fixed = (config: Config) =>
    JSON.stringify(config.targets.map(({ name, listen, upstream }) => [name, listen, upstream]));
  return fixed(before) === fixed(after)
    ? undefined
    : 'a target, its listen address or its upstream';
}

/** Opens everything; whatever was opened is closed again when a later part does not open. */
export async function startDaemon(config: Config): Promise<Daemon> {
  const policies = loadPolicies(config.policies);
  const log = await openLog({
    dir: config.log.dir,
    stateDir: config.log.state,
    key: config.log.key,
    durability: config.log.durability === 'none' ? 'none' : 'sync',
  });
  const sideStore = await openSideStore({
    folder: join(config.log.dir, 'private'),
    random: (bytes) => randomBytes(bytes),
  });
  const last = log.size > 0 ? await log.read(log.size - 1) : undefined;
  const recorder = openRecorder({
    log,
    sideStore,
    source: {
      id: `daemon-${createHash('sha256').update(config.log.origin).digest('hex').slice(0, 8)}`,
      type: 'daemon',
      version: VERSION,
      epoch: log.recovery.epoch,
    },
    // One process writes all entries of a log, so the source's last entry is the log's last.
    previous: last ? toHex(leafHash(last, sha256)) : NO_PREVIOUS,
    clock: systemClock(),
    random: (bytes) => randomBytes(bytes),
  });
  const { host, port } = config.api.listen;
  const guard = openGuard({
    recorder,
    policySet: policies,
    docs: `http://${host}:${port}/entries/`,
  });
  const daemon = new RunningDaemon({ log, sideStore, recorder, guard }, config, policies);
  try {
    await daemon.start();
  } catch (error) {
    await daemon.close().catch(() => undefined);
    throw error;
  }
  return daemon;
}

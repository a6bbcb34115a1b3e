/**
 * The daemon: log, guard, API and gateways, opened in the order in which they depend on each other, and
 * closed in the reverse. Starts, stops, heartbeats and every change of policy or configuration are entries.
 */
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  type Guard,
  type OpenRecorder,
  type OpenSideStore,
  openGuard,
  openRecorder,
  openSideStore,
  type PolicySet,
  systemClock,
  uuidSource,
} from '@sealrail/sdk';
import { type Log, openLog } from '@sealrail/tlog';
import { type Api, openApi } from './api/api.ts';
import { formatAddress } from './config/address.ts';
import type { Address, Config } from './config/config.ts';
import { loadConfig } from './config/load.ts';
import { loadPolicies } from './config/policies.ts';
import { warningsOf } from './config/warnings.ts';
import { type Gateway, openPostgresGateway } from './gateway/postgres/gateway.ts';
import { Logbook } from './logbook.ts';
import { lookBack, type Past, pastOf } from './look-back.ts';
import { immovable } from './reload.ts';
import { VERSION } from './version.ts';

export const DRAIN_MS = 5_000;
const HEARTBEAT_TICK_MS = 1_000;

export interface Reloaded {
  readonly ok: boolean;
  readonly message: string;
}

export interface Daemon {
  readonly api: { readonly url: string };
  readonly gateways: readonly { readonly target: string; readonly address: Address }[];
  readonly log: Pick<Log, 'size' | 'vkey' | 'recovery'>;
  /** What somebody who starts it should know. */
  readonly warnings: readonly string[];
  /** Resolves with the reason when the log has failed for good: nothing passes from then on. */
  readonly failed: Promise<Error>;
  /** Reads configuration, users and policies again; keeps the old ones, with an entry that says why, if that fails. */
  reload(): Promise<Reloaded>;
  close(): Promise<void>;
}

interface Parts {
  readonly log: Log;
  readonly sideStore: OpenSideStore;
  readonly recorder: OpenRecorder;
  readonly guard: Guard;
}

/** What is in force: replaced as a whole, so that nobody sees the users of one and the policies of another. */
interface Force {
  readonly config: Config;
  readonly policies: PolicySet;
}

class RunningDaemon implements Daemon {
  readonly failed: Promise<Error>;
  readonly #parts: Parts;
  readonly #logbook: Logbook;
  readonly #gateways = new Map<string, Gateway>();
  #force: Force;
  #api: Api | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #reloading: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(parts: Parts, force: Force) {
    const { log, sideStore, recorder } = parts;
    this.#parts = parts;
    this.#force = force;
    this.#logbook = new Logbook(parts, performance.now());
    // A chain with a hole in it, or values that were not kept, must not go on either.
    this.failed = Promise.race([log.failed, recorder.failed, sideStore.failed]);
  }

  get log(): Log {
    return this.#parts.log;
  }
  get warnings(): string[] {
    return warningsOf(this.#force.config);
  }
  get api(): { url: string } {
    return { url: this.#api?.url ?? '' };
  }
  get gateways(): { target: string; address: Address }[] {
    return [...this.#gateways].map(([target, { address }]) => ({ target, address }));
  }

  async start(past: Past): Promise<void> {
    await this.#logbook.start(this.#force, past);
    // Before the gateways: an address that is taken is found before a client could have been served.
    this.#api = await this.#openApi();
    const uuid = uuidSource((bytes) => randomBytes(bytes));
    for (const target of this.#force.config.targets) {
      const gateway = await openPostgresGateway({
        target,
        users: () => this.#force.config.users,
        guard: this.#parts.guard,
        recorder: this.#parts.recorder,
        newId: () => uuid(Date.now()),
        nowMs: () => Date.now(),
        nowUs: () => performance.now() * 1_000,
      });
      this.#gateways.set(target.name, gateway);
    }
    this.#heartbeat = setInterval(() => {
      const sessions = [...this.#gateways.values()].reduce((sum, one) => sum + one.sessions, 0);
      // A log that fails here fails for everybody; `failed` says so.
      this.#logbook.beat(this.#force, sessions, performance.now()).catch(() => undefined);
    }, HEARTBEAT_TICK_MS);
  }

  #openApi(): Promise<Api> {
    const { log, recorder, guard } = this.#parts;
    const { config } = this.#force;
    const targets = () => this.#force.config.targets;
    return openApi({
      listen: config.api.listen,
      log,
      recorder,
      logDir: join(config.log.dir, 'log'),
      policies: () => this.#force.policies,
      targets: () =>
        targets().map(({ name, kind, env, mode, listen }) => {
          const address = this.#gateways.get(name)?.address ?? listen;
          return { name, kind, env, mode, listen: address };
        }),
      durability: config.log.durability,
      explain: { gateways: this.#gateways, users: () => this.#force.config.users, targets, guard },
    });
  }

  /** One after the other: two signals must not interleave. */
  reload(): Promise<Reloaded> {
    const reloaded = this.#reloading.then(() => this.#reload());
    this.#reloading = reloaded;
    return reloaded;
  }

  async #reload(): Promise<Reloaded> {
    const old = this.#force;
    try {
      const config = await loadConfig(old.config.file);
      immovable(old.config, config);
      await this.#apply({ config, policies: loadPolicies(config.policies) });
      const { policies } = this.#force;
      return {
        ok: true,
        message: `policy set ${policies.digest.slice(0, 12)}, ${config.users.length} users`,
      };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      await this.#logbook.refused(old, reason).catch(() => undefined);
      return { ok: false, message: reason };
    }
  }

  /** In force only once it is on disk that it is: what a log does not know must not decide. */
  async #apply(next: Force): Promise<void> {
    try {
      await this.#logbook.changed(this.#force, next, 'reloaded');
    } catch (error) {
      next.policies.close();
      throw error;
    }
    this.#force = next;
    this.#parts.guard.replace(next.policies);
    for (const target of next.config.targets) this.#gateways.get(target.name)?.reload(target);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#heartbeat);
    await this.#reloading;
    await Promise.all([...this.#gateways.values()].map((gateway) => gateway.close(DRAIN_MS)));
    await this.#api?.close();
    // A log that has failed takes no goodbye; its absence is what the next start sees.
    await this.#logbook.stop(this.#force).catch(() => undefined);
    await this.#parts.log.close();
    await this.#parts.sideStore.close();
  }
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
  let parts: Parts;
  let past: Past;
  try {
    ({ parts, past } = await openParts(config, log, policies));
  } catch (error) {
    await log.close();
    throw error;
  }
  const daemon = new RunningDaemon(parts, { config, policies });
  try {
    await daemon.start(past);
  } catch (error) {
    await daemon.close().catch(() => undefined);
    throw error;
  }
  return daemon;
}

async function openParts(
  config: Config,
  log: Log,
  policySet: PolicySet,
): Promise<{ parts: Parts; past: Past }> {
  const random = (bytes: number): Uint8Array => randomBytes(bytes);
  // One for each log, and the same at every start: its chain goes on across them.
  const id = `daemon-${createHash('sha256').update(config.log.origin).digest('hex').slice(0, 8)}`;
  const past = await lookBack(pastOf(log, join(config.log.dir, 'log')), id);
  const sideStore = await openSideStore({ folder: join(config.log.dir, 'private'), random });
  const recorder = openRecorder({
    log,
    sideStore,
    source: { id, type: 'daemon', version: VERSION, epoch: log.recovery.epoch },
    previous: past.previous,
    clock: systemClock(),
    random,
  });
  const docs = `http://${formatAddress(config.api.listen)}/entries/`;
  const guard = openGuard({ recorder, policySet, docs });
  return { parts: { log, sideStore, recorder, guard }, past };
}

/**
 * The daemon: log, guard, API and gateways, opened in the order in which they depend on each other, and
 * closed in the reverse. Starts, stops, heartbeats and every change of policy or configuration are entries.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  type Guard,
  type GuardService,
  type OpenRecorder,
  type OpenSideStore,
  openGuard,
  type PolicySet,
  serveGuard,
  uuidSource,
} from '@sealrail/sdk';
import { type Log, type LogFinding, openLog } from '@sealrail/tlog';
import { type Api, openApi } from './api/api.ts';
import { ApprovalsStore } from './approvals/approvals.ts';
import { decideRequest, type RulingPorts } from './approvals/decide-request.ts';
import { holdingGuard } from './approvals/holding-guard.ts';
import { rebuildRequests } from './approvals/rebuild-requests.ts';
import { viewOf } from './approvals/view.ts';
import { formatAddress } from './config/address.ts';
import type { Address, Config } from './config/config.ts';
import { loadConfig } from './config/load.ts';
import { addShadow, loadPolicies } from './config/policies.ts';
import { warningsOf } from './config/warnings.ts';
import { type Gateway, openPostgresGateway } from './gateway/postgres/gateway.ts';
import { Logbook } from './logbook.ts';
import type { Past } from './look-back.ts';
import { type ApplyPorts, applyPolicies } from './policy/apply.ts';
import { recoverFolder } from './policy/policy-folder.ts';
import { rebuildHistory } from './rebuild-history.ts';
import { immovable, rememberable } from './reload.ts';
import { endSession, listSessions, type SessionPorts } from './sessions/end-session.ts';
import { logOptions, openSource } from './source.ts';

export const DRAIN_MS = 5_000;
const HEARTBEAT_TICK_MS = 1_000;
const SOCKET_PATH_BYTES_MAX = 100;

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
  /**
   * Reads configuration, users and policies again; keeps the old ones, with an entry that says why, if
   * that fails.
   */
  reload(): Promise<Reloaded>;
  close(): Promise<void>;
}

interface Parts {
  readonly log: Log;
  readonly sideStore: OpenSideStore;
  readonly recorder: OpenRecorder;
  /** Asks for what it holds. */
  readonly guard: Guard;
  /** Holds without asking: for what decides on those who were asked. */
  readonly plainGuard: Guard;
  readonly approvals: ApprovalsStore;
  /** Everything that happened from then on is in the guard's history. */
  readonly historySinceMs: number;
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
  #service: GuardService | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #changing: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(parts: Parts, force: Force) {
    const { log, sideStore, recorder } = parts;
    this.#parts = parts;
    this.#force = force;
    this.#logbook = new Logbook(parts, performance.now());
    // A chain with a hole in it, or values that were not kept, must not go on either.
    this.failed = Promise.race([log.failed, recorder.failed, sideStore.failed]);
  }

  get force(): Force {
    return this.#force;
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
    // Other policies may have come while nobody was running.
    await this.#parts.approvals.policiesChanged();
    this.#service = await this.#serveOthers();
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
        // Derived from the one secret that outlives restarts: a salt that changed with a restart would tell
        // a name that does not exist from one that does.
        secret: this.#mockSecret(),
      });
      this.#gateways.set(target.name, gateway);
    }
    this.#heartbeat = setInterval(() => {
      const sessions = [...this.#gateways.values()].reduce((sum, one) => sum + one.sessions, 0);
      // A log that fails here fails for everybody; `failed` says so.
      this.#logbook.beat(this.#force, sessions, performance.now()).catch(() => undefined);
      this.#parts.approvals.sweep().catch(() => undefined);
    }, HEARTBEAT_TICK_MS);
  }

  /** Derived from the one secret that outlives restarts: see where it is used. */
  #mockSecret(): Buffer {
    return createHmac('sha256', this.#force.config.log.key).update('sealrail mock salts').digest();
  }

  /** Other processes of ours decide through this guard, or their counters would be others. */
  async #serveOthers(): Promise<GuardService | undefined> {
    const { log } = this.#force.config;
    const path = join(log.dir, 'private', 'guard.sock');
    // The system takes no longer name for a socket; nobody can ask then, and nothing else changes.
    if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) return undefined;
    return serveGuard(this.#parts.guard, path);
  }

  #openApi(): Promise<Api> {
    const { log, recorder, guard, approvals } = this.#parts;
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
      apply: (request) => applyPolicies(request, this.#applyPorts()),
      approvals: {
        all: () => approvals.all(),
        view: (request) =>
          viewOf(request, approvals.nowMs(), this.#force.policies.byId.get(request.policy)),
        decide: (request) => decideRequest(request, this.#rulingPorts()),
      },
      sessions: {
        list: () => listSessions(this.#sessionPorts()),
        end: (request) => endSession(request, this.#sessionPorts()),
      },
    });
  }

  /** The disk is filling, or full: then this may not get in either, and `status` says what is wrong. */
  noticed(finding: LogFinding): void {
    this.#logbook.noticed(finding).catch(() => undefined);
  }

  #applyPorts(): ApplyPorts {
    const { guard, recorder, sideStore } = this.#parts;
    return {
      guard,
      recorder,
      sideStore,
      force: () => this.#force,
      inTurn: (change) => this.#inTurn(change),
      swap: (policies, why) => this.#apply({ config: this.#force.config, policies }, why),
      secret: this.#mockSecret(),
      nowMs: () => Date.now(),
    };
  }

  #rulingPorts(): RulingPorts {
    const { plainGuard, approvals, recorder } = this.#parts;
    return {
      guard: plainGuard,
      approvals,
      recorder,
      users: () => this.#force.config.users,
      config: () => this.#force.config,
      secret: this.#mockSecret(),
    };
  }

  #sessionPorts(): SessionPorts {
    return {
      recorder: this.#parts.recorder,
      users: () => this.#force.config.users,
      secret: this.#mockSecret(),
      gateways: () => this.#gateways.values(),
    };
  }

  reload(): Promise<Reloaded> {
    return this.#inTurn(() => this.#reload());
  }

  /** One after the other: two changes must not interleave. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const changed = this.#changing.then(change);
    this.#changing = changed.catch(() => undefined);
    return changed;
  }

  async #reload(): Promise<Reloaded> {
    const old = this.#force;
    try {
      const config = await loadConfig(old.config.file);
      immovable(old.config, config);
      const policies = loadPolicies(config.policies);
      await this.#apply({ config, policies }, 'reloaded');
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
  async #apply({ config, policies }: Force, why: string): Promise<void> {
    let next: Force = { config, policies };
    try {
      next = { config, policies: addShadow(policies, config.policies) };
      rememberable(next.policies, Date.now() - this.#parts.historySinceMs, next.config);
      await this.#logbook.changed(this.#force, next, why);
    } catch (error) {
      next.policies.close();
      throw error;
    }
    this.#force = next;
    this.#parts.guard.replace(next.policies);
    // A request of before counts for nothing from now on; that its entry says so too can follow.
    this.#parts.approvals.policiesChanged().catch(() => undefined);
    for (const target of next.config.targets) this.#gateways.get(target.name)?.reload(target);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#heartbeat);
    await this.#changing;
    await Promise.all([...this.#gateways.values()].map((gateway) => gateway.close(DRAIN_MS)));
    await this.#api?.close();
    await this.#service?.close();
    // A log that has failed takes no goodbye; its absence is what the next start sees.
    await this.#logbook.stop(this.#force).catch(() => undefined);
    await this.#parts.log.close();
    await this.#parts.sideStore.close();
  }
}

/** Opens everything; whatever was opened is closed again when a later part does not open. */
export async function startDaemon(config: Config): Promise<Daemon> {
  recoverFolder(config.policies);
  const policies = addShadow(loadPolicies(config.policies), config.policies);
  let log: Log | undefined;
  let daemon: RunningDaemon | undefined;
  try {
    const noticed = new LateListener<LogFinding>();
    log = await openLog({ ...logOptions(config.log), onFinding: noticed.call });
    const { sideStore, recorder, past, entries } = await openSource(config.log, log);
    const docs = `http://${formatAddress(config.api.listen)}/entries/`;
    const rebuilt = await rebuildHistory({
      log: entries,
      privateDir: join(config.log.dir, 'private'),
      memoryMs: policies.memoryMs,
      nowMs: Date.now(),
    });
    const { history, sinceMs } = rebuilt;
    const digestKey = createHmac('sha256', config.log.key).update('sealrail action key').digest();
    const uuid = uuidSource((bytes) => randomBytes(bytes));
    const force = (): Force => daemon?.force ?? { config, policies };
    const approvals = new ApprovalsStore({
      recorder,
      requests: await rebuildRequests(entries, Date.now()),
      digestKey,
      policy: (id) => force().policies.byId.get(id),
      users: () => force().config.users,
      newId: uuid,
    });
    const guardOptions = { recorder, policySet: policies, history, approvals, digestKey, docs };
    const plainGuard = openGuard(guardOptions);
    const answerAt = `http://${formatAddress(config.api.listen)}/approvals`;
    const guard = holdingGuard({ guard: plainGuard, approvals, answerAt });
    const parts = {
      log,
      sideStore,
      recorder,
      guard,
      plainGuard,
      approvals,
      historySinceMs: sinceMs,
    };
    daemon = new RunningDaemon(parts, { config, policies });
    await daemon.start(past);
    noticed.listen((finding) => daemon?.noticed(finding));
    return daemon;
  } catch (error) {
    // The reason is that of the start, whatever comes after it.
    await (daemon ?? log)?.close().catch(() => undefined);
    policies.close();
    throw error;
  }
}

/** Keeps what comes before anybody listens: a log may have something to say while it is being opened. */
class LateListener<T> {
  #kept: T[] = [];
  #listener: (value: T) => void = (value) => this.#kept.push(value);

  readonly call = (value: T): void => this.#listener(value);

  listen(listener: (value: T) => void): void {
    this.#listener = listener;
    for (const value of this.#kept.splice(0)) listener(value);
  }
}

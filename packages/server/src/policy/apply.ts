/**
 * `policy.apply` in the daemon: who asks is proved, the set in force decides, and only then the files change.
 *
 * A set that was in force once and was replaced does not come back by itself: whoever has an old folder
 * would undo what was tightened since. The side store knows every set that ever was in force, by digest;
 * `rollback` says that it is meant, and what it loosens is decided on like everything else.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  type Denial,
  type Guard,
  type PolicySet,
  type Recorder,
  resolvedSchema,
  type SideStore,
  schemaText,
  type Verdict,
} from '@sealrail/sdk';
import { authenticate } from '../authenticate.ts';
import type { Config, User } from '../config/config.ts';
import { ConfigError } from '../config/errors.ts';
import {
  addShadow,
  FULFILMENT_OF_CASES,
  loadPolicies,
  loadPolicyFiles,
  readPolicyFiles,
} from '../config/policies.ts';
import { openParser, SERVER_LINES } from '../gateway/postgres/parse.ts';
import { runCases } from '../policy-tests/run.ts';
import { readTestFile } from '../policy-tests/test-file.ts';
import { applyAct } from './apply-action.ts';
import {
  discardStaged,
  type FolderFile,
  restoreFolder,
  settleFolder,
  stagedOf,
  stageFolder,
  swapFolder,
} from './policy-folder.ts';
import type { PolicyChange, SetChanges } from './set-changes.ts';
import { changesOf } from './set-diff.ts';

export interface ApplyRequest {
  readonly user: string;
  readonly password: string;
  readonly files: readonly FolderFile[];
  readonly why: string;
  /** Digest of the set that the candidate was made from; not looked at where it is absent. */
  readonly from?: string | undefined;
  readonly rollback: boolean;
}

export type Applied =
  | { readonly kind: 'not-authenticated' }
  | { readonly kind: 'invalid'; readonly problems: ConfigError['problems'] }
  /** Another set is in force than the candidate was made from, or the candidate is an older one. */
  | { readonly kind: 'refused'; readonly reason: string; readonly hint: string }
  | {
      readonly kind: 'decided';
      readonly verdict: Verdict;
      readonly decisionId: string;
      readonly before: string;
      readonly after: string;
      readonly loosens: boolean;
      readonly changes: readonly PolicyChange[];
      readonly denial?: Denial;
    };

/** What the daemon lends: it alone swaps what is in force. */
export interface ApplyPorts {
  readonly guard: Guard;
  readonly recorder: Recorder;
  readonly sideStore: Pick<SideStore, 'readBlob'>;
  readonly force: () => { readonly config: Config; readonly policies: PolicySet };
  /** In force once it has resolved; rejects, and nothing changed, where the log does not take it. */
  readonly swap: (next: PolicySet, why: string) => Promise<void>;
  /** One change after the other. */
  readonly inTurn: <T>(change: () => Promise<T>) => Promise<T>;
  /** For names that do not exist. */
  readonly secret: Uint8Array;
  readonly nowMs: () => number;
}

const SESSION_BYTES = 8;

export async function applyPolicies(request: ApplyRequest, ports: ApplyPorts): Promise<Applied> {
  // Before its turn: whoever tries passwords must not keep others from theirs.
  const users = () => ports.force().config.users;
  const user = await authenticate(request, 'policy.apply', { ...ports, users });
  if (user === undefined) return { kind: 'not-authenticated' };
  return ports.inTurn(() => applyAs(user, request, ports));
}

async function applyAs(user: User, request: ApplyRequest, ports: ApplyPorts): Promise<Applied> {
  const { config, policies: before } = ports.force();
  let after: PolicySet;
  try {
    after = loadStaged(config.policies, stageFolder(config.policies, request.files));
  } catch (error) {
    discardStaged(config.policies);
    if (error instanceof ConfigError) return { kind: 'invalid', problems: error.problems };
    throw error;
  }
  let isInForce = false;
  try {
    const applied = await applyLoaded({ request, ports, user, before, after });
    isInForce = applied.kind === 'decided' && applied.verdict === 'allow';
    return applied;
  } finally {
    if (!isInForce) after.close();
    discardStaged(config.policies);
  }
}

/** Its policies stand where they will, so that whoever is shown one finds it there. */
function loadStaged(folder: string, staged: string): PolicySet {
  const files = readPolicyFiles(staged);
  const placed = files.map(({ name, text }) => ({ name: join(folder, basename(name)), text }));
  const set = loadPolicyFiles(placed);
  try {
    return addShadow(set, staged);
  } catch (error) {
    set.close();
    throw error;
  }
}

/** Everything that is known once somebody is who they say and the candidate loads. */
interface Loaded {
  readonly request: ApplyRequest;
  readonly ports: ApplyPorts;
  readonly user: User;
  readonly before: PolicySet;
  readonly after: PolicySet;
}

async function applyLoaded(loaded: Loaded): Promise<Applied> {
  const { ports, user, before, after } = loaded;
  const { config } = ports.force();
  const wasInForce = (await ports.sideStore.readBlob(after.digest)) !== undefined;
  const refusal = refusalOf(loaded, wasInForce);
  if (refusal) {
    await recordRefusal(loaded, refusal.reason);
    return refusal;
  }
  const changes = changesOf(before, after);
  const session = `apply-${randomBytes(SESSION_BYTES).toString('hex')}`;
  const act = applyAct({
    user,
    config,
    before,
    after,
    changes,
    rollback: wasInForce,
    testsPassed: await testsPass(stagedOf(config.policies)),
    session,
    nowMs: ports.nowMs(),
  });
  const { decision, decisionId, durable, denial } = ports.guard.decide(act);
  await durable;
  const { verdict } = decision;
  if (verdict === 'allow') await carryOut(loaded, { session, decisionId });
  return decidedAs(loaded, changes, { verdict, decisionId, ...(denial ? { denial } : {}) });
}

const decidedAs = (
  { before, after }: Loaded,
  { loosens, changes }: SetChanges,
  more: { readonly verdict: Verdict; readonly decisionId: string; readonly denial?: Denial },
): Applied => ({
  kind: 'decided',
  before: before.digest,
  after: after.digest,
  loosens,
  changes,
  ...more,
});

function refusalOf(
  { request, before, after }: Loaded,
  wasInForce: boolean,
): Extract<Applied, { kind: 'refused' }> | undefined {
  if (after.digest === before.digest)
    return {
      kind: 'refused',
      reason: 'this set is in force already',
      hint: 'nothing is to be done',
    };
  if (request.from !== undefined && request.from !== before.digest)
    return {
      kind: 'refused',
      reason: `the set in force is ${before.digest.slice(0, 12)} and not the one that this was made from`,
      hint: 'compare with what is in force now: sealrail policy diff DIR',
    };
  if (wasInForce && !request.rollback)
    return {
      kind: 'refused',
      reason: 'this is an older version: it was in force before and was replaced',
      hint: 'if that is meant: --rollback; what it loosens is decided on like every other change',
    };
  return undefined;
}

/** The files first and the log then: what the log does not know must not decide, and what decides is on disk. */
async function carryOut(
  { request, ports, user, after }: Loaded,
  { session, decisionId }: { readonly session: string; readonly decisionId: string },
): Promise<void> {
  const { config } = ports.force();
  const startedMs = performance.now();
  const about = { session, principal: { type: user.type, id: user.name, proof: 'scram' } } as const;
  const finish = (status: 'executed' | 'failed') =>
    ports.guard.outcome(
      {
        decisionId,
        outcome: { status },
        durationUs: Math.round((performance.now() - startedMs) * 1_000),
      },
      about,
    );
  try {
    swapFolder(config.policies);
    try {
      await ports.swap(after, `applied by ${user.name}, decision ${decisionId}: ${request.why}`);
    } catch (error) {
      restoreFolder(config.policies);
      throw error;
    }
  } catch (error) {
    await finish('failed').catch(() => undefined);
    throw error;
  }
  settleFolder(config.policies);
  await finish('executed');
}

function recordRefusal(
  { request, ports, user, before, after }: Loaded,
  reason: string,
): Promise<number> {
  const { config } = ports.force();
  return ports.recorder.record(
    {
      kind: 'change',
      what: 'policy-set',
      subject: config.policies,
      before: before.digest,
      after: after.digest,
      why: request.why,
      refused: reason,
    },
    { principal: { type: user.type, id: user.name, proof: 'scram' } },
  ).durable;
}

/** Cases that do not read, or that do not hold, or that are not there, are none that passed. */
async function testsPass(folder: string): Promise<boolean> {
  const names = readdirSync(folder).filter((name) => name.endsWith('.test.yaml'));
  if (names.length === 0) return false;
  const parse = await openParser(SERVER_LINES[SERVER_LINES.length - 1] ?? 18);
  const options = { schema: resolvedSchema(schemaText()), parse };
  const set = loadPolicies(folder, FULFILMENT_OF_CASES);
  try {
    const cases = names.flatMap((name) => readTestFile(join(folder, name), options));
    const results = runCases(set, cases, options.schema);
    return results.every(({ differences }) => differences.length === 0);
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  } finally {
    set.close();
  }
}

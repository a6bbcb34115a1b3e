/** Whoever can change the policies unasked has no guardrails before them: this is the door to all others. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type DecisionEntry,
  isAction,
  loggedAction,
  openGuard,
  type PolicySet,
  recheckDecision,
} from '@sealrail/sdk';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { recorderForTest } from '../../../sdk/testing/recorder.ts';
import type { Config, User } from '../config/config.ts';
import { scramVerifier } from '../config/password.ts';
import { loadPolicies } from '../config/policies.ts';
import { type ApplyPorts, type ApplyRequest, applyPolicies } from './apply.ts';
import { recoverFolder, stageFolder, swapFolder } from './policy-folder.ts';

const SAY = '@severity("high") @message("m") @hint("h")';
const OWN = `
@id("security-applies") ${SAY}
permit (principal in Group::"security", action == Action::"policy.apply", resource in Env::"prod");
@id("loosening") ${SAY} @unless("approved") @approvers("security") @quorum("2") @ttl("1h")
forbid (principal, action == Action::"policy.apply", resource) when { context.change.loosens };
`;
const READ = `@id("read") ${SAY} permit (principal in Group::"a", action == Action::"sql.select", resource);`;
const NO_DROP = `@id("no-drop") ${SAY}
forbid (principal, action in Action::"sql.any", resource) when { context.sql.risks.contains(SqlRisk::"drop") };`;
const CURRENT = OWN + READ;
const TIGHTER = CURRENT + NO_DROP;

const PASSWORD = 'correct-horse-battery';
const person = (name: string, type: User['type'], ...groups: string[]): User => ({
  name,
  type,
  groups,
  roles: [],
  scram: scramVerifier(PASSWORD),
});
const USERS = [
  person('sam', 'human', 'security'),
  person('bot', 'agent', 'security'),
  person('eve', 'human', 'a'),
];

let home = '';
let folder = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sealrail-apply-'));
  folder = join(home, 'policies');
  mkdirSync(join(folder, 'notes'), { recursive: true });
  writeFileSync(join(folder, 'main.cedar'), CURRENT);
  writeFileSync(
    join(folder, 'gone.cedar'),
    NO_DROP.replace('no-drop', 'no-truncate').replace('drop', 'truncate'),
  );
  writeFileSync(join(folder, 'notes/README'), 'kept');
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const filesOf = (at: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(at)
      .filter((name) => name.endsWith('.cedar'))
      .sort()
      .map((name) => [name, readFileSync(join(at, name), 'utf8')]),
  );

function world(more: Partial<ApplyPorts> = {}) {
  const { log, sideStore, recorder } = recorderForTest();
  let policies = loadPolicies(folder);
  const guard = openGuard({ recorder, policySet: policies });
  const config = {
    users: USERS,
    policies: folder,
    log: { origin: 'example.com/prod' },
    targets: [{ env: 'prod' }],
  } as unknown as Config;
  // As the daemon does: what an entry names is in the side store before it is in force.
  const swap = async (next: PolicySet): Promise<void> => {
    await sideStore.putBlob(Buffer.from(policies.canonical));
    await sideStore.putBlob(Buffer.from(next.canonical));
    guard.replace(next);
    policies = next;
  };
  const ports: ApplyPorts = {
    guard,
    recorder,
    sideStore,
    swap,
    inTurn: (change) => change(),
    force: () => ({ config, policies }),
    secret: Buffer.alloc(32),
    nowMs: () => Date.UTC(2026, 0, 5, 12),
    ...more,
  };
  const apply = (text: string, request: Partial<ApplyRequest> = {}) =>
    applyPolicies(
      {
        user: 'sam',
        password: PASSWORD,
        files: [{ name: 'main.cedar', text }],
        why: 'because',
        rollback: false,
        ...request,
      },
      ports,
    );
  const entries = () => log.entries.map((_, at) => log.read(at));
  return { apply, entries, sideStore, digest: () => policies.digest, set: () => policies };
}

const WITH_TRUNCATE = (text: string) =>
  text + NO_DROP.replace('no-drop', 'no-truncate').replace('drop', 'truncate');

describe('applying policies', () => {
  test('that tighten takes effect at once: files, set and log say the same', async () => {
    const { apply, entries, digest, set } = world();
    const applied = await apply(WITH_TRUNCATE(TIGHTER));
    expect(applied).toMatchObject({
      kind: 'decided',
      verdict: 'allow',
      loosens: false,
      changes: [{ id: 'no-drop', change: 'added' }],
      after: digest(),
    });
    expect(filesOf(folder)).toEqual({ 'main.cedar': WITH_TRUNCATE(TIGHTER) });
    expect(readFileSync(join(folder, 'notes/README'), 'utf8')).toBe('kept');
    expect(readdirSync(home)).toEqual(['policies']);
    expect(set().byId.get('no-drop')?.file).toBe(join(folder, 'main.cedar'));
    expect(entries().map(({ kind }) => kind)).toEqual(['decision', 'outcome']);
    const again = loadPolicies(folder);
    expect(again.digest).toBe(digest());
    again.close();
  });

  test('is a decision that can be made again from its entry', async () => {
    const { apply, entries, sideStore, set } = world();
    const before = set();
    await apply(TIGHTER);
    const entry = entries()[0] as DecisionEntry;
    expect(entry).toMatchObject({
      target: 'sealrail',
      action: 'policy.apply',
      principal: { id: 'sam' },
    });
    const action = loggedAction(entry, (one) => sideStore.blobs.get(one));
    if (!isAction(action)) throw new Error(action);
    expect(recheckDecision(before, entry, action)).toEqual([]);
  });

  test.each([
    ['dropping a forbid', CURRENT],
    ['adding a permit', WITH_TRUNCATE(`${CURRENT}${READ.replace('read', 'more')}`)],
    [
      'letting nobody hold it any more',
      WITH_TRUNCATE(CURRENT.replace('@quorum("2")', '@quorum("1")')),
    ],
  ])('%s is held for other people, and changes nothing', async (_name, text) => {
    const { apply, digest } = world();
    const [files, before] = [filesOf(folder), digest()];
    expect(await apply(text)).toMatchObject({
      verdict: 'hold',
      loosens: true,
      denial: { policy: 'loosening' },
    });
    expect(filesOf(folder)).toEqual(files);
    expect(digest()).toBe(before);
  });

  test('by somebody without the right, by an agent, or without the password is refused, as an entry', async () => {
    const { apply, entries, digest } = world();
    const before = digest();
    const next = WITH_TRUNCATE(TIGHTER);
    expect(await apply(next, { user: 'eve' })).toMatchObject({ verdict: 'deny' });
    expect(await apply(next, { user: 'bot' })).toMatchObject({ verdict: 'deny' });
    for (const request of [
      { password: 'wrong-password' },
      { user: 'nobody' },
      { user: '__proto__' },
    ])
      expect(await apply(next, request)).toEqual({ kind: 'not-authenticated' });
    expect(entries().map(({ kind }) => kind)).toEqual([
      'decision',
      'decision',
      'session',
      'session',
      'session',
    ]);
    expect(entries()[1]).toMatchObject({ decision: { code: 'not-understood' } });
    expect(digest()).toBe(before);
    expect(readdirSync(home)).toEqual(['policies']);
  });

  test('that do not load says what is wrong with them, where they would have stood', async () => {
    const { apply, entries } = world();
    expect(await apply('permit (principal, action, resource);')).toMatchObject({
      kind: 'invalid',
      problems: [{ file: join(folder, 'main.cedar'), line: 1 }],
    });
    expect(entries()).toEqual([]);
    expect(readdirSync(home)).toEqual(['policies']);
  });

  test('refuses an older version, unless it is meant; what it loosens is held all the same', async () => {
    const { apply, entries, digest } = world();
    const before = digest();
    const old = Object.values(filesOf(folder)).join('\n');
    await apply(WITH_TRUNCATE(TIGHTER));
    expect(digest()).not.toBe(before);
    expect(await apply(old)).toMatchObject({
      kind: 'refused',
      reason: expect.stringMatching(/older version/),
    });
    expect(entries().at(-1)).toMatchObject({
      kind: 'change',
      after: before,
      refused: expect.stringMatching(/older version/),
    });
    expect(await apply(old, { rollback: true })).toMatchObject({ verdict: 'hold', loosens: true });
    expect(entries().at(-1)).toMatchObject({
      facts: { change: { rollback: true, loosens: true } },
    });
  });

  test('refuses what was made from another set, and what is in force already', async () => {
    const { apply, digest } = world();
    const from = '0'.repeat(64);
    expect(await apply(WITH_TRUNCATE(TIGHTER), { from })).toMatchObject({ kind: 'refused' });
    expect(await apply(WITH_TRUNCATE(TIGHTER), { from: digest() })).toMatchObject({
      verdict: 'allow',
    });
    expect(await apply(WITH_TRUNCATE(TIGHTER))).toMatchObject({
      reason: expect.stringMatching(/in force already/),
    });
  });

  test('says that the cases beside them hold only where there are some and they do', async () => {
    const { apply, entries } = world();
    const cases = (expected: string) =>
      `principals:\n  ann: { type: human, groups: [a] }\ncases:\n  - { name: reads, as: ann, action: sql.select, expect: ${expected} }\n`;
    const passed = async (text: string, expected: string): Promise<unknown> => {
      const files = [
        { name: 'main.cedar', text: WITH_TRUNCATE(text) },
        { name: 'main.test.yaml', text: cases(expected) },
      ];
      await apply('', { files });
      return entries().findLast(({ kind }) => kind === 'decision');
    };
    await apply(WITH_TRUNCATE(TIGHTER));
    expect(entries()[0]).toMatchObject({ facts: { change: { testsPassed: false } } });
    const more = (id: string) => TIGHTER + NO_DROP.replace('no-drop', id);
    expect(await passed(more('x'), 'deny')).toMatchObject({
      facts: { change: { testsPassed: false } },
    });
    expect(await passed(more('y') + NO_DROP.replace('no-drop', 'x'), 'allow')).toMatchObject({
      facts: { change: { testsPassed: true } },
    });
  });

  test('keeps the shadow policies of the folder, and refuses to enforce what is one of them', async () => {
    mkdirSync(join(folder, 'shadow'));
    writeFileSync(join(folder, 'shadow/next.cedar'), NO_DROP.replace('no-drop', 'shadowed'));
    const { apply, set } = world();
    expect(await apply(WITH_TRUNCATE(TIGHTER))).toMatchObject({ verdict: 'allow' });
    expect(set().shadow?.byId.has('shadowed')).toBe(true);
    expect(set().byId.has('shadowed')).toBe(false);
    const twice = TIGHTER + NO_DROP.replace('no-drop', 'shadowed');
    expect(await apply(WITH_TRUNCATE(twice))).toMatchObject({ kind: 'invalid' });
  });

  test('where the log does not take it puts the old files back', async () => {
    const { apply, entries } = world({ swap: () => Promise.reject(new Error('the disk is full')) });
    const before = filesOf(folder);
    await expect(apply(WITH_TRUNCATE(TIGHTER))).rejects.toThrow('the disk is full');
    expect(filesOf(folder)).toEqual(before);
    expect(readdirSync(home)).toEqual(['policies']);
    expect(entries().at(-1)).toMatchObject({ kind: 'outcome', outcome: { status: 'failed' } });
  });
});

describe('the folder of policies', () => {
  test('after a crash is the old one or the new one, whole', () => {
    const before = filesOf(folder);
    const files = [{ name: 'new.cedar', text: CURRENT }];
    stageFolder(folder, files);
    recoverFolder(folder);
    expect([filesOf(folder), readdirSync(home)]).toEqual([before, ['policies']]);
    stageFolder(folder, files);
    renameSync(folder, `${folder}.old`);
    recoverFolder(folder);
    expect([filesOf(folder), readdirSync(home)]).toEqual([before, ['policies']]);
    stageFolder(folder, files);
    swapFolder(folder);
    recoverFolder(folder);
    expect(filesOf(folder)).toEqual({ 'new.cedar': CURRENT });
  });

  test('takes no file with a name that leads out of it', () => {
    for (const name of ['../x.cedar', 'a/b.cedar', '.cedar', 'x.sh', '..', 'x.cedar/'])
      expect(() => stageFolder(folder, [{ name, text: '' }])).toThrow(/no name/);
    expect(existsSync(join(home, 'x.cedar'))).toBe(false);
  });
});

/** A replay that took another decision for the one that was made would promise what enforcing does not keep. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type DecisionEntry,
  encodeCanonical,
  isAction,
  type Json,
  judgeAgain,
  loadPolicySet,
  loggedAction,
  openBlobsAtRest,
  type PolicySet,
  parseEntry,
  schemaText,
} from '@sealrail/sdk';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  decidingPolicies,
  resignForTest,
  writeDecisionsForTest,
} from '../../testing/decisions-at-rest.ts';
import { isDecision } from './decision-entries.ts';
import { sliceEntry } from './entry-text.ts';
import { type LogFiles, readBundleAt } from './log-files.ts';
import { replayLog } from './replay-log.ts';
import { EXAMPLES_MAX, GROUPS_MAX, OTHERS, type Tallied, Tally } from './replay-tally.ts';

let folder = '';
let files: LogFiles;
let entries: readonly Uint8Array[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealrail-replay-'));
  await writeDecisionsForTest(folder);
  look();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function look(): void {
  const [, size] = readFileSync(join(folder, 'data/log/checkpoint'), 'utf8').split('\n');
  files = { folder: join(folder, 'data/log'), size: Number(size) };
  entries = readBundleAt(files, 0);
}

function setOf(text: string): PolicySet {
  const set = loadPolicySet([{ name: 'a.cedar', text }], schemaText());
  if (Array.isArray(set)) throw new Error(JSON.stringify(set));
  return set;
}

const replay = (set: PolicySet) =>
  replayLog({
    files,
    privateFolder: join(folder, 'data/private'),
    candidate: set.canonical,
    workers: 0,
  });

const say = '@severity("low") @message("m") @hint("h")';
const CANDIDATES = [
  `@id("all") ${say} permit (principal, action, resource);`,
  `@id("none") ${say} forbid (principal, action, resource);`,
  `@id("all") ${say} permit (principal, action, resource);
   @id("late") ${say} forbid (principal, action, resource) when { context.meta.now > datetime("2025-11-24T16:00:15Z") };
   @id("held") ${say} @unless("approved") @approvers("dba") @quorum("1") @ttl("1h")
   forbid (principal is Agent, action in Action::"sql.any", resource) when { context.sql.tablesRead.contains(Table::"shop.public.users") };`,
];

describe('a replay', () => {
  test('of the set that decided changes nothing', async () => {
    const set = decidingPolicies();
    expect(await replay(set)).toMatchObject({
      decisions: 18,
      same: 16,
      otherReason: 0,
      changes: {},
    });
    set.close();
  });

  test.each(CANDIDATES)(
    'of a candidate says of each decision what deciding it says (%#)',
    async (text) => {
      const set = setOf(text);
      const blobs = openBlobsAtRest(join(folder, 'data/private'));
      const expected: Record<string, number> = {};
      for (const bytes of entries.filter(isDecision)) {
        const entry = parseEntry(bytes) as DecisionEntry;
        const action = loggedAction(entry, blobs);
        if (!isAction(action)) continue;
        const { verdict } = judgeAgain(set, entry.decision, entry.time, action);
        if (verdict === entry.decision.verdict) continue;
        const change = `${entry.decision.verdict}→${verdict}`;
        expected[change] = (expected[change] ?? 0) + 1;
      }
      expect((await replay(set)).changes).toEqual(expected);
      set.close();
    },
  );

  test('counts an entry that is cut short as damage, and goes on behind it', async () => {
    const copy = mkdtempSync(join(tmpdir(), 'sealrail-replay-'));
    const [before, folderBefore] = [files, folder];
    try {
      folder = copy;
      await writeDecisionsForTest(copy);
      await resignForTest(copy, (text, index) => (index === 2 ? text.slice(0, 300) : text));
      look();
      const set = decidingPolicies();
      expect(await replay(set)).toMatchObject({ damaged: 1, decisions: 17, same: 15 });
      set.close();
    } finally {
      rmSync(copy, { recursive: true, force: true });
      folder = folderBefore;
      files = before;
      look();
    }
  });
});

describe('slicing an entry', () => {
  test('gives exactly the members, or nothing', () => {
    const decisions = entries.filter(isDecision);
    expect(decisions.length).toBe(18);
    for (const bytes of decisions) {
      const text = Buffer.from(bytes).toString('utf8');
      const entry = parseEntry(bytes) as DecisionEntry;
      const sliced = sliceEntry(text);
      if (!sliced) throw new Error('not sliced');
      expect(JSON.parse(sliced.decision)).toEqual(entry.decision);
      expect(JSON.parse(sliced.facts)).toEqual(entry.facts);
      expect(JSON.parse(sliced.meta)).toEqual(entry.meta);
      expect(sliced).toMatchObject({ id: entry.id, time: entry.time });
      const { principal, resources, statement, target } = entry;
      expect(JSON.parse(`{${sliced.uses}}`)).toEqual({ principal, resources });
      expect(JSON.parse(`{${sliced.where}}`)).toEqual({
        ...(statement ? { statement } : {}),
        target,
      });
    }
  });

  test('of an entry with members of the same names inside either fails to parse or is right', () => {
    const [first] = entries.filter(isDecision);
    const entry = parseEntry(first ?? new Uint8Array(0)) as DecisionEntry;
    const name = fc.constantFrom(
      'decision',
      'facts',
      'id',
      'meta',
      'prev',
      'seq',
      'source',
      'time',
    );
    const inner = fc.dictionary(
      name,
      fc.oneof(fc.string(), fc.integer(), fc.dictionary(name, fc.string())),
    );
    fc.assert(
      fc.property(inner, inner, inner, (facts, meta, decision) => {
        const made = { ...entry, facts, meta, decision } as unknown as Json;
        const sliced = sliceEntry(encodeCanonical(made));
        if (!sliced) return;
        const members = ['decision', 'facts', 'meta'] as const;
        let read: unknown[];
        try {
          read = members.map((member) => JSON.parse(sliced[member]));
        } catch {
          return;
        }
        expect(read).toEqual([decision, facts, meta]);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a tally', () => {
  const example = (index: number, name = 'p') => ({
    index,
    id: `id-${index}`,
    statement: 's',
    from: 'allow' as const,
    to: 'deny' as const,
    policies: [name],
    principal: 'human a',
    resources: ['Table t'],
  });

  test('is the same whichever worker counted what', () => {
    const part = fc.array(
      fc.record({ at: fc.nat(500), name: fc.constantFrom('p', 'q', '__proto__') }),
    );
    fc.assert(
      fc.property(part, fc.nat(100), (all, percent) => {
        const unique = [...new Map(all.map((one) => [one.at, one])).values()];
        const whole = new Tally();
        const [left, right] = [new Tally(), new Tally()];
        for (const { at, name } of unique) {
          whole.addChanged(example(at, name));
          ((at * 7) % 100 < percent ? left : right).addChanged(example(at, name));
        }
        const merged = new Tally();
        merged.merge(left.sum());
        merged.merge(right.sum());
        expect(merged.sum()).toEqual(whole.sum());
      }),
    );
  });

  test('keeps the earliest examples, and counts names beyond its bound together', () => {
    const tally = new Tally();
    for (let at = GROUPS_MAX + 4; at >= 0; at--) tally.addChanged(example(at, `p${at}`));
    const { byPolicy, byPrincipal, changes }: Tallied = tally.sum();
    expect(changes).toEqual({ 'allow→deny': GROUPS_MAX + 5 });
    expect(byPolicy).toHaveLength(GROUPS_MAX + 1);
    expect(byPolicy[0]).toMatchObject({ name: OTHERS, changes: { 'allow→deny': 5 } });
    expect(byPrincipal[0]?.examples.map(({ index }) => index)).toEqual(
      Array.from({ length: EXAMPLES_MAX }, (_, at) => at),
    );
  });
});

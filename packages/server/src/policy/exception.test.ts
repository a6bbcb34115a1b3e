/** An exception that lets through more than what was asked for is a hole with an expiry date. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Action,
  type DecisionEntry,
  isAction,
  judgeAgain,
  loggedAction,
  openBlobsAtRest,
  parseEntry,
} from '@sealrail/sdk';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  STATEMENTS,
  type Statement,
  writeDecisionsForTest,
} from '../../testing/decisions-at-rest.ts';
import { loadPolicyFiles, readPolicyFiles } from '../config/policies.ts';
import { isDecision } from './decision-entries.ts';
import { type Exception, proposeException } from './exception.ts';
import { readBundleAt } from './log-files.ts';
import { patchOf } from './patch.ts';

const UNTIL = '2026-12-24T00:00:00Z';
/** The same by others, elsewhere and otherwise: what an exception must not reach. */
const NEAR: readonly Statement[] = STATEMENTS.flatMap((one) => [
  one,
  { ...one, who: { ...one.who, name: `${one.who.name}-2` } },
  { ...one, text: one.text.replace('notes', 'audit').replace('FROM users', 'FROM people') },
  { ...one, text: `${one.text} AND true`.replace(/^([^W]*) AND/, '$1 WHERE') },
  { ...one, target: 'legacy' },
]);

let folder = '';
let decisions: { entry: DecisionEntry; action: Action }[] = [];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealrail-exception-'));
  await writeDecisionsForTest(folder, NEAR);
  const [, size] = readFileSync(join(folder, 'data/log/checkpoint'), 'utf8').split('\n');
  const blobs = openBlobsAtRest(join(folder, 'data/private'));
  const entries = readBundleAt({ folder: join(folder, 'data/log'), size: Number(size) }, 0);
  decisions = entries.filter(isDecision).flatMap((bytes) => {
    const entry = parseEntry(bytes) as DecisionEntry;
    const action = loggedAction(entry, blobs);
    return isAction(action) ? [{ entry, action }] : [];
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const policies = () => readPolicyFiles(join(folder, 'policies'));
const propose = ({ entry, action }: { entry: DecisionEntry; action: Action }): Exception | string =>
  proposeException({
    entry,
    action,
    files: policies(),
    load: loadPolicyFiles,
    until: UNTIL,
    newFile: join(folder, 'policies/exception.cedar'),
  });

const keyOf = ({ principal, resources, statement, target }: DecisionEntry): string =>
  JSON.stringify([
    principal,
    resources.map(({ action, type, id }) => [action, type, id]),
    statement,
    target,
  ]);

describe('an exception', () => {
  test('flips its decision, and none that differs in principal, resource or statement', () => {
    const before = loadPolicyFiles(policies());
    let proposed = 0;
    for (const asked of decisions) {
      if (asked.entry.decision.verdict === 'allow') continue;
      const exception = propose(asked);
      if (typeof exception === 'string') throw new Error(`${exception}: ${asked.entry.statement}`);
      proposed++;
      const after = loadPolicyFiles(exception.files);
      for (const { entry, action } of decisions) {
        const [from, to] = [before, after].map(
          (set) => judgeAgain(set, entry.decision, entry.time, action).verdict,
        );
        if (entry === asked.entry) expect(to).toBe('allow');
        else if (keyOf(entry) !== keyOf(asked.entry)) expect(to, entry.statement).toBe(from);
      }
      after.close();
    }
    before.close();
    expect(proposed).toBeGreaterThan(30);
  });

  test('ends', () => {
    const asked = decisions.find(({ entry }) => entry.decision.verdict === 'deny');
    if (!asked) throw new Error('nothing was denied');
    const exception = propose(asked);
    if (typeof exception === 'string') throw new Error(exception);
    expect(exception.changes.map(({ after }) => after).join('')).toContain(
      `context.meta.now < datetime("${UNTIL}")`,
    );
  });

  test('is refused where none can help', () => {
    const allowed = decisions.find(({ entry }) => entry.decision.verdict === 'allow');
    if (!allowed) throw new Error('nothing was allowed');
    expect(propose(allowed)).toMatch(/allow this already/);
  });
});

describe('a patch', () => {
  test('makes the new files of the old ones, by the tool that people use', () => {
    const line = fc.constantFrom('a', 'b', '', '}', 'when { x };', '-- a', '+++ b', '@@', ' c');
    const text = fc
      .tuple(fc.array(line, { maxLength: 14 }), fc.boolean())
      .map(([lines, ends]) => lines.join('\n') + (ends && lines.length > 0 ? '\n' : ''));
    const scratch = mkdtempSync(join(tmpdir(), 'sealrail-patch-'));
    try {
      fc.assert(
        fc.property(text, text, (before, after) => {
          fc.pre(before !== '' && after !== '' && before !== after);
          const [file, patch] = [join(scratch, 'p.cedar'), join(scratch, 'x.patch')];
          writeFileSync(file, before);
          writeFileSync(patch, patchOf([{ name: 'p.cedar', before, after }]));
          execFileSync('git', ['apply', '--whitespace=nowarn', '-p1', patch], {
            cwd: scratch,
            stdio: 'pipe',
          });
          expect(readFileSync(file, 'utf8')).toBe(after);
        }),
        { numRuns: 60 },
      );
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });

  test('says nothing of files that stay', () => {
    expect(patchOf([{ name: 'p.cedar', before: 'a\n', after: 'a\n' }])).toBe('');
  });
});

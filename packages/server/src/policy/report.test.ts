/** Whoever switches from watching to enforcing relies on this: what it leaves out breaks on the first day. */
import type { Common, DecisionEntry, OutcomeFields } from '@sealrail/sdk';
import { describe, expect, test } from 'vitest';
import { GROUPS_MAX, OPEN_MAX, OTHERS, Reporter } from './report.ts';

const decision = (
  n: number,
  more: Record<string, unknown> = {},
  entry: Record<string, unknown> = {},
) =>
  ({
    id: `id-${n}`,
    target: 'shop',
    principal: { type: 'human', id: 'ann', proof: 'scram' },
    statement: 'DELETE FROM notes',
    ...entry,
    decision: {
      mode: 'observe',
      verdict: 'deny',
      code: 'forbidden',
      determining: ['no-delete'],
      parts: [],
      ...more,
    },
  }) as unknown as DecisionEntry;

const outcome = (n: number, status: string) =>
  ({ decisionId: `id-${n}`, outcome: { status } }) as unknown as Common & OutcomeFields;

describe('a report', () => {
  test('tells what ran from what failed by itself, and shows one that ran', () => {
    const reporter = new Reporter('shop');
    for (const n of [0, 1, 2]) reporter.decision(n, decision(n));
    reporter.outcome(outcome(0, 'failed'));
    reporter.outcome(outcome(2, 'executed'));
    reporter.outcome(outcome(2, 'executed'));
    expect(reporter.sum()).toMatchObject({
      decisions: 3,
      wouldStop: 3,
      ran: 1,
      groups: [
        { policies: ['no-delete'], decisions: 3, ran: 1, example: { index: 2, id: 'id-2' } },
      ],
    });
  });

  test('leaves out other targets, what is enforced already and what enforcing does not change', () => {
    const reporter = new Reporter('shop');
    reporter.decision(0, decision(0, {}, { target: 'other' }));
    reporter.decision(1, decision(1, { mode: 'enforce' }));
    reporter.decision(2, decision(2, { verdict: 'allow', code: 'allowed' }));
    reporter.decision(3, decision(3, { code: 'rejected' }));
    expect(reporter.sum()).toMatchObject({ decisions: 2, enforced: 1, wouldStop: 0, groups: [] });
  });

  test('names every doubt of what was not understood, or the problem where there is none', () => {
    const reporter = new Reporter('shop');
    const understood = { code: 'not-understood', determining: [] };
    reporter.decision(
      0,
      decision(0, { ...understood, parts: [{ doubts: ['dynamic', 'syntax'] }] }),
    );
    reporter.decision(1, decision(1, { ...understood, parts: [{ problem: 'x is not known' }] }));
    reporter.decision(2, decision(2, { ...understood, parts: [] }));
    reporter.outcome(outcome(1, 'executed'));
    const { doubts, notUnderstood, ran } = reporter.sum();
    expect({ notUnderstood, ran }).toEqual({ notUnderstood: 3, ran: 1 });
    expect(doubts.map(({ doubt }) => doubt)).toEqual([
      'x is not known',
      'dynamic',
      'syntax',
      '(unknown)',
    ]);
  });

  test('is bounded, and counts what comes beyond', () => {
    const reporter = new Reporter('shop');
    for (let n = 0; n <= GROUPS_MAX; n++)
      reporter.decision(n, decision(n, {}, { statement: `SELECT ${n}` }));
    const { groups, wouldStop } = reporter.sum();
    expect(wouldStop).toBe(GROUPS_MAX + 1);
    expect(groups).toHaveLength(GROUPS_MAX + 1);
    expect(groups.at(-1)).toMatchObject({ statement: OTHERS, decisions: 1 });
  });

  test('waits for the outcomes of a bounded number of decisions', () => {
    const reporter = new Reporter('shop');
    for (let n = 0; n <= OPEN_MAX; n++) reporter.decision(n, decision(n));
    reporter.outcome(outcome(0, 'executed'));
    reporter.outcome(outcome(1, 'executed'));
    expect(reporter.sum()).toMatchObject({ decisions: OPEN_MAX + 1, ran: 1 });
  });
});

import { describe, expect, test } from 'vitest';
import { type Outcome, Outcomes } from './outcome.ts';
import { openUnit, type Unit } from './unit.ts';

function opened() {
  const written: Outcome[] = [];
  let id = 0;
  const outcomes = new Outcomes({
    write: (outcome) => written.push(outcome),
    newId: () => `t${++id}`,
    nowUs: () => 1_000,
  });
  const settle = (status: string, ...units: readonly Unit[]) =>
    outcomes.settled({ units, status, syncError: undefined });
  /** What was written since the last look, in short. */
  const seen = () =>
    written.splice(0).map(({ decisionId, outcome, transaction, settles }) => {
      const parts = [decisionId, outcome.status, outcome.provisional ? 'provisional' : ''];
      return [...parts, transaction ?? '', settles === undefined ? '' : `settles ${settles}`]
        .filter((part) => part !== '')
        .join(' ');
    });
  return { outcomes, settle, seen };
}

function unit(id: string, status: Unit['status'], ...tags: readonly string[]): Unit {
  return { ...openUnit(id), status, tags: [...tags], sentUs: 400 };
}

describe('outside a transaction block', () => {
  test('an outcome is final', () => {
    const { settle, seen } = opened();
    settle('I', unit('a', 'executed', 'INSERT 0 1'));
    settle('I', unit('b', 'failed'));
    expect(seen()).toEqual(['a executed', 'b failed']);
  });

  test('an error in a pipeline takes back what came before it', () => {
    const { settle, seen } = opened();
    settle('I', unit('a', 'executed'), unit('b', 'failed'), unit('c', 'skipped'));
    expect(seen()).toEqual(['a rolled_back', 'b failed', 'c skipped']);
  });

  test('a Sync that cannot commit takes back everything', () => {
    const { outcomes, seen } = opened();
    outcomes.settled({ units: [unit('a', 'executed')], status: 'I', syncError: '23503' });
    expect(seen()).toEqual(['a rolled_back']);
  });

  test('what a COMMIT inside the pipeline made durable stays', () => {
    const { settle, seen } = opened();
    settle('I', unit('a', 'executed'), unit('b', 'executed', 'COMMIT'), unit('c', 'failed'));
    expect(seen()).toEqual(['a executed', 'b executed', 'c failed']);
  });

  test('a whole block in one pipeline is final, as committed or as rolled back', () => {
    const { settle, seen } = opened();
    const block = (end: string) => [
      unit('a', 'executed', 'BEGIN'),
      unit('b', 'executed', 'INSERT 0 1'),
      unit('c', 'executed', end),
    ];
    settle('I', ...block('COMMIT'));
    expect(seen()).toEqual(['a executed', 'b executed', 'c executed']);
    settle('I', ...block('ROLLBACK'));
    expect(seen()).toEqual(['a rolled_back', 'b rolled_back', 'c executed']);
  });
});

describe('a pipeline that is written before its Sync', () => {
  test('is settled by the Sync: committed, or rolled back if anything failed', () => {
    const { outcomes, settle, seen } = opened();
    outcomes.partial([unit('a', 'executed')]);
    settle('I', unit('b', 'executed'));
    expect(seen()).toEqual([
      'a executed provisional t1',
      'b executed provisional t1',
      'b committed t1 settles 2',
    ]);
    outcomes.partial([unit('c', 'failed'), unit('d', 'skipped')]);
    settle('I');
    expect(seen().at(-1)).toBe('d rolled_back t2 settles 2');
  });

  test('that began a block is settled by the end of the block', () => {
    const { outcomes, settle, seen } = opened();
    outcomes.partial([unit('a', 'executed', 'BEGIN')]);
    settle('T', unit('b', 'executed'));
    settle('I', unit('c', 'failed'));
    expect(seen().at(-1)).toBe('c rolled_back t1 settles 2');
  });
});

describe('in a transaction block', () => {
  const begun = () => {
    const all = opened();
    all.settle('T', unit('a', 'executed', 'BEGIN'));
    all.settle('T', unit('b', 'executed', 'INSERT 0 1'));
    expect(all.seen()).toEqual(['a executed provisional t1', 'b executed provisional t1']);
    return all;
  };

  test('outcomes are provisional until its end settles them', () => {
    const { settle, seen } = begun();
    settle('I', unit('c', 'executed', 'COMMIT'));
    settle('I', unit('d', 'executed', 'SELECT 1'));
    expect(seen()).toEqual(['c committed t1 settles 2', 'd executed']);
  });

  test('COMMIT of a failed one is a rollback', () => {
    const { settle, seen } = begun();
    settle('E', unit('c', 'failed'));
    settle('I', unit('d', 'executed', 'ROLLBACK'));
    expect(seen()).toEqual(['c failed provisional t1', 'd rolled_back t1 settles 3']);
  });

  test('a COMMIT that fails has rolled back', () => {
    const { settle, seen } = begun();
    settle('I', unit('c', 'failed'));
    expect(seen()).toEqual(['c rolled_back t1 settles 2']);
  });

  test('COMMIT AND CHAIN ends one and begins the next', () => {
    const { settle, seen } = begun();
    settle('T', unit('c', 'executed', 'COMMIT'));
    settle('I', unit('d', 'executed', 'ROLLBACK'));
    expect(seen()).toEqual(['c committed t1 settles 2', 'd rolled_back t2 settles 0']);
  });
});

describe('when the connection falls', () => {
  test('what went up and was not answered is unknown; what never went up did not happen', () => {
    const { outcomes, seen } = opened();
    const waiting = { ...unit('b', 'pending'), sentUs: undefined };
    outcomes.abandoned([unit('a', 'pending'), waiting]);
    expect(seen()).toEqual(['a unknown', 'b skipped']);
  });

  test('a transaction without anything unanswered is rolled back by the server', () => {
    const { settle, outcomes, seen } = opened();
    settle('T', unit('a', 'executed', 'BEGIN'));
    outcomes.abandoned([]);
    expect(seen()).toEqual(['a executed provisional t1', 'a rolled_back t1 settles 1']);
  });

  test('a transaction whose COMMIT may have arrived is unknown', () => {
    const { settle, outcomes, seen } = opened();
    settle('T', unit('a', 'executed', 'BEGIN'));
    outcomes.abandoned([unit('b', 'pending')]);
    expect(seen()).toEqual([
      'a executed provisional t1',
      'b unknown provisional t1',
      'b unknown t1 settles 2',
    ]);
  });
});

test('duration, rows and code stand in the outcome, and their number is kept', () => {
  const written: Outcome[] = [];
  const outcomes = new Outcomes({
    write: (outcome) => written.push(outcome),
    newId: () => 't',
    nowUs: () => 1_000,
  });
  const failed = { ...unit('a', 'failed'), rows: 3, bytes: 70, code: '57014' };
  outcomes.settled({ units: [failed], status: 'I', syncError: undefined });
  expect(written).toEqual([
    {
      decisionId: 'a',
      outcome: { status: 'failed', code: '57014' },
      rows: 3,
      bytes: 70,
      durationUs: 600,
    },
  ]);
  expect(outcomes.count).toBe(1);
});

import { describe, expect, test } from 'vitest';
import { GROUP_UNITS_MAX, type Group, type Outstanding, Pipeline } from './pipeline.ts';
import { openUnit, type Unit } from './unit.ts';

/** A pipeline, what it told its session, and short words for what goes up and comes back. */
function opened() {
  const groups: Group[] = [];
  const resyncs: number[] = [];
  const partial: number[] = [];
  const pipeline = new Pipeline({
    partial: (units) => partial.push(units.length),
    ready: () => undefined,
    settled: (group) => groups.push(group),
    resync: () => resyncs.push(groups.length),
  });
  const push = (kind: Outstanding['kind'], more: Partial<Outstanding> = {}): Unit => {
    const unit = openUnit(`d${groups.length}`);
    pipeline.push({ kind, unit, ...more });
    return unit;
  };
  const answer = (...answers: readonly string[]) => {
    for (const one of answers) pipeline.answer(one.slice(0, 1), one.slice(2));
  };
  return { pipeline, groups, partial, resyncs, push, answer };
}

const denial = (decisionId: string) => ({
  denial: { code: 'forbidden', message: '', hint: '', decisionId, retryable: false } as const,
  reading: undefined,
});

describe('errors of the extended protocol', () => {
  test('everything up to the Sync is skipped, a Query too, and what follows the Sync runs', () => {
    const { pipeline, push, answer, groups } = opened();
    const first = push('execute');
    const failing = push('execute');
    const skipped = push('execute');
    const query = push('query');
    pipeline.sync();
    const after = push('execute');
    pipeline.sync();
    answer('C INSERT 0 1', 'E 23505', 'Z I', 'C INSERT 0 2', 'Z I');
    expect([first, failing, skipped, query, after].map(({ status }) => status)).toEqual([
      'executed',
      'failed',
      'skipped',
      'skipped',
      'executed',
    ]);
    expect(groups.map(({ units }) => units.length)).toEqual([4, 1]);
    expect(failing.code).toBe('23505');
  });

  test('what comes behind an error that was seen already is skipped up to its Sync', () => {
    const { pipeline, push, answer } = opened();
    push('execute');
    answer('E 22012');
    let over = false;
    const query = push('query', {
      over: () => {
        over = true;
      },
    });
    expect(query.status).toBe('skipped');
    expect(over).toBe(true);
    expect(pipeline.length).toBe(0);
    pipeline.sync();
    const after = push('query');
    answer('Z I', 'C SELECT 1', 'Z I');
    expect(after.status).toBe('executed');
  });

  test('a Sync that cannot commit says so to its group', () => {
    const { pipeline, push, answer, groups } = opened();
    push('execute');
    pipeline.sync();
    answer('C INSERT 0 1', 'E 23503', 'Z I');
    expect(groups).toMatchObject([{ syncError: '23503' }]);
    expect(pipeline.length).toBe(0);
  });

  test('a Bind and its Execute are one action: it ends once', () => {
    const { pipeline, answer, groups } = opened();
    const unit = openUnit('d');
    pipeline.push({ kind: 'bind', unit });
    pipeline.push({ kind: 'execute', unit });
    pipeline.sync();
    answer('E 22P02', 'Z I');
    expect(groups[0]?.units).toEqual([unit]);
    expect(unit.status).toBe('failed');
  });
});

describe('a query of several statements', () => {
  test('tells each tag as it comes, and counts the rows that the client was told', () => {
    const { push, answer, groups } = opened();
    const tags: string[] = [];
    const unit = push('query', { tag: (tag) => tags.push(tag) });
    answer('T', 'C SELECT 3', 'C UPDATE 2', 'C BEGIN', 'Z T');
    expect(tags).toEqual(['SELECT 3', 'UPDATE 2', 'BEGIN']);
    expect(unit).toMatchObject({ rows: 5, status: 'executed' });
    expect(groups[0]?.status).toBe('T');
  });

  test('fails as a whole when a later one fails, and its ReadyForQuery is its own', () => {
    const { pipeline, push, answer } = opened();
    const unit = push('query');
    const next = push('query');
    answer('C INSERT 0 1', 'E 22012', 'Z I', 'C SELECT 1', 'Z I');
    expect(unit.status).toBe('failed');
    expect(next.status).toBe('executed');
    expect(pipeline.length).toBe(0);
  });
});

describe('denials', () => {
  test('are known by their id until they are answered, and not longer', () => {
    const { pipeline, push, answer } = opened();
    push('query');
    pipeline.push({ kind: 'query', denied: denial('one') });
    answer('C SELECT 1', 'Z I');
    expect(pipeline.denied('one')).toBeDefined();
    answer('E 42P01', 'Z I');
    expect(pipeline.denied('one')).toBeUndefined();
  });

  test('that the server discards are forgotten with what it discards', () => {
    const { pipeline, push, answer } = opened();
    push('execute');
    pipeline.push({ kind: 'parse', denied: denial('one') });
    pipeline.sync();
    answer('E 22012', 'Z I');
    expect(pipeline.denied('one')).toBeUndefined();
  });
});

describe('COPY from the client', () => {
  test('nothing but data goes up until the server has taken it', () => {
    const { pipeline, push, answer } = opened();
    expect(pipeline.copyData(10)).toBe(false);
    const unit = push('query', { copyIns: 1 });
    expect(pipeline.copying).toBe(true);
    answer('G');
    expect(pipeline.copyData(10)).toBe(true);
    expect(pipeline.copyEnd()).toBe(true);
    expect(pipeline.copying).toBe(false);
    expect(pipeline.copyData(10)).toBe(false);
    answer('C COPY 1', 'Z I');
    expect(unit).toMatchObject({ bytes: 10, rows: 1, status: 'executed' });
  });

  test('two in one query are two turns', () => {
    const { pipeline, push, answer } = opened();
    push('query', { copyIns: 2 });
    answer('G');
    pipeline.copyEnd();
    expect(pipeline.copying).toBe(true);
    answer('C COPY 0', 'G');
    pipeline.copyEnd();
    expect(pipeline.copying).toBe(false);
  });

  test('a Sync before the answer is swallowed by the COPY, and counts where there was none', () => {
    const taken = opened();
    taken.push('execute', { copyIns: 1 });
    expect(taken.pipeline.sync()).toBe(true);
    taken.answer('G');
    expect(taken.pipeline.length).toBe(1);
    taken.pipeline.copyEnd();
    taken.pipeline.sync();
    taken.answer('C COPY 0', 'Z I');
    expect(taken.pipeline.length).toBe(0);

    const refused = opened();
    refused.push('execute', { copyIns: 1 });
    refused.pipeline.sync();
    refused.answer('E 42P01');
    expect(refused.pipeline.length).toBe(1);
    refused.answer('Z I');
    expect(refused.pipeline.length).toBe(0);
  });

  test('a Sync amid the data stays here, and is made up for if the COPY fails', () => {
    const { pipeline, push, answer, resyncs } = opened();
    push('execute', { copyIns: 1 });
    answer('G');
    expect(pipeline.sync()).toBe(false);
    answer('E 22P04');
    expect(resyncs.length).toBe(1);
    expect(pipeline.copying).toBe(false);
  });

  test('data sent ahead of the answer belongs to it, with its end', () => {
    const { pipeline, push, answer } = opened();
    push('execute', { copyIns: 1 });
    pipeline.copyData(5);
    pipeline.copyEnd();
    pipeline.sync();
    answer('G');
    expect(pipeline.copying).toBe(false);
    answer('C COPY 1', 'Z I');
    expect(pipeline.length).toBe(0);
  });

  test('one that nobody foresaw takes its data all the same', () => {
    const { pipeline, push, answer } = opened();
    push('query');
    answer('G');
    expect(pipeline.copying).toBe(true);
    expect(pipeline.copyData(1)).toBe(true);
    pipeline.copyEnd();
    answer('C COPY 1', 'Z I');
    expect(pipeline.copying).toBe(false);
  });
});

test('whoever waits is woken when enough is answered', async () => {
  const { pipeline, push, answer } = opened();
  push('query');
  push('query');
  let woken = 0;
  void pipeline.shorterThan(0).then(() => woken++);
  void pipeline.shorterThan(1).then(() => woken++);
  await pipeline.shorterThan(2);
  answer('C SELECT 1', 'Z I');
  await Promise.resolve();
  expect(woken).toBe(1);
  answer('C SELECT 1', 'Z I');
  await Promise.resolve();
  expect(woken).toBe(2);
});

test(`${GROUP_UNITS_MAX} units are kept for their Sync, and with one more they are told of before`, () => {
  const { pipeline, groups, partial, push, answer } = opened();
  for (let at = 0; at < GROUP_UNITS_MAX; at++) {
    push('execute');
    answer('C INSERT 0 1');
  }
  expect(partial).toEqual([]);
  push('execute');
  pipeline.sync();
  answer('C INSERT 0 1', 'Z I');
  expect(partial).toEqual([GROUP_UNITS_MAX]);
  expect(groups[0]?.units.length).toBe(1);
});

test('when the connection falls, what was answered and what was not are both handed over, once', () => {
  const { pipeline, push, answer } = opened();
  const done = push('execute');
  const open = push('execute');
  answer('C INSERT 0 1');
  expect(pipeline.abandon()).toEqual([done, open]);
  expect(pipeline.abandon()).toEqual([]);
});

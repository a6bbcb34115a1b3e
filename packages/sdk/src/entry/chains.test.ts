import { leafHash, sha256, toHex } from '@sealrail/tlog';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { recorderForTest } from '../../testing/recorder.ts';
import { checkSources, SourceChains } from './chains.ts';
import type { Source } from './entry.ts';
import { NO_PREVIOUS } from './recorder.ts';

const source = (id: string, epoch = 1): Source => ({ id, type: 'gateway', version: '1', epoch });
const hashOf = (entry: Uint8Array | undefined) => toHex(leafHash(entry ?? Buffer.alloc(0), sha256));

async function write(options: { id?: string; epoch?: number; previous?: string; count?: number }) {
  const { id = 'a', epoch = 1, previous = NO_PREVIOUS, count = 5 } = options;
  const { log, recorder } = recorderForTest({ source: source(id, epoch), previous });
  for (let i = 0; i < count; i++) {
    await recorder.record({ kind: 'system', event: 'heartbeat', detail: { i } }, {}).durable;
  }
  return log.entries;
}

const rules = (entries: Uint8Array[]) =>
  checkSources(entries).map(({ rule, index }) => [rule, index]);

describe('source chains', () => {
  test('sources that take turns, and one that starts again, are whole', async () => {
    const a = await write({ id: 'a' });
    const b = await write({ id: 'b' });
    const again = await write({ id: 'a', epoch: 2, previous: hashOf(a.at(-1)) });
    const mixed = a.flatMap((entry, i) => [entry, b[i] ?? entry]);
    expect(rules([...mixed, ...again])).toEqual([]);
  });

  test('an entry taken out anywhere but at the end is found', async () => {
    const a = await write({ count: 8 });
    fc.assert(
      fc.property(fc.nat(6), (at) => {
        const findings = rules(a.toSpliced(at, 1));
        expect(findings).toEqual([['gap', at]]);
      }),
    );
  });

  test('an entry that was written differently is found at its successor', async () => {
    const a = await write({});
    const text = Buffer.from(a[2] ?? [])
      .toString()
      .replace('"i":2', '"i":9');
    expect(rules(a.with(2, Buffer.from(text)))).toEqual([['altered', 3]]);
  });

  test('an entry repeated, and a second history from one point, are forks', async () => {
    const a = await write({});
    expect(rules([...a, a[3] ?? Buffer.alloc(0)])).toEqual([['fork', 5]]);
    const other = await write({ count: 3 });
    expect(rules([...a, ...other]).map(([rule]) => rule)).toEqual(['fork', 'fork', 'fork']);
  });

  test('a process that writes on after a newer one began is a fork', async () => {
    const a = await write({ count: 3 });
    const b = await write({ epoch: 2, previous: hashOf(a[1]), count: 2 });
    expect(rules([...a.slice(0, 2), ...b, ...a.slice(2)])).toEqual([['fork', 4]]);
  });

  test('an epoch that continues an entry that the log does not have is a gap', async () => {
    const a = await write({});
    const b = await write({ epoch: 2, previous: hashOf(a.at(-1)) });
    expect(rules([...a.slice(0, -1), ...b])).toEqual([['gap', 4]]);
    expect(rules(b)).toEqual([['gap', 0]]);
    expect(rules([...a, ...b.slice(1)])).toEqual([['gap', 5]]);
  });

  test('a pruned log may begin in the middle, and is checked from there', async () => {
    const a = await write({ count: 6 });
    const options = { complete: false };
    expect(checkSources(a.slice(3), options)).toEqual([]);
    expect(checkSources([...a.slice(2, 4), ...a.slice(5)], options)).toMatchObject([
      { rule: 'gap', index: 2, source: 'a' },
    ]);
  });

  test('what is no entry is reported, and the rest is checked on', async () => {
    const a = await write({});
    expect(rules([Buffer.from('{}'), ...a])).toEqual([['unreadable', 0]]);
  });

  test('at the bound sources are followed, one more is reported', async () => {
    const chains = new SourceChains({ complete: true, sourcesMax: 2 });
    const firsts = await Promise.all(['a', 'b', 'c'].map((id) => write({ id, count: 1 })));
    const found = firsts.map(([entry], index) => chains.add(index, entry ?? Buffer.alloc(0)));
    expect(found.map((findings) => findings.map(({ rule }) => rule))).toEqual([
      [],
      [],
      ['too-many-sources'],
    ]);
    expect(chains.last('a')).toMatchObject({ epoch: 1, hash: hashOf(firsts[0]?.[0]) });
    expect(chains.last('c')).toBeUndefined();
  });
});

/** How often the detectors are right, over texts with labels; the floors are what the documents promise. */
import { describe, expect, test } from 'vitest';
import { halves, measure } from './quality.ts';

/** Of a text that has the kind, and of a text that was told to have it. */
const FLOORS = { secrets: 0.97, personal: 0.97, kind: 0.95, recall: 0.95 };

describe.each(Object.entries(halves()))('the texts that are %s', (_name, cases) => {
  const { rows, mistakes } = measure(cases);
  const row = (kind: string) => rows.find((one) => one.kind === kind);

  test('hold hundreds of texts with something in them, and hundreds without', () => {
    expect(cases.filter(({ kinds }) => kinds.length > 0).length).toBeGreaterThan(150);
    expect(cases.filter(({ kinds }) => kinds.length === 0).length).toBeGreaterThan(150);
  });

  test('nobody is stopped for a secret or a person that is not there', () => {
    expect(row('secrets')?.precision).toBeGreaterThanOrEqual(FLOORS.secrets);
    expect(row('personal')?.precision).toBeGreaterThanOrEqual(FLOORS.personal);
  });

  test('a secret or a person that is there is seen', () => {
    expect(row('secrets')?.recall).toBeGreaterThanOrEqual(FLOORS.recall);
    expect(row('personal')?.recall).toBeGreaterThanOrEqual(FLOORS.recall);
  });

  test.each(rows.map(({ kind }) => kind))('%s alone keeps the floors too', (kind) => {
    const one = row(kind);
    expect((one?.found ?? 0) + (one?.missed ?? 0)).toBeGreaterThan(0);
    expect(one?.precision, JSON.stringify(mistakes.slice(0, 3))).toBeGreaterThanOrEqual(
      FLOORS.kind,
    );
    expect(one?.recall).toBeGreaterThanOrEqual(FLOORS.recall);
  });
});

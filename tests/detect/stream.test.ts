/** A stream is a text that comes in pieces: whatever the pieces, nothing is lost and nothing is moved. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { detect, detectKinds } from '../../packages/facts/src/detect/detect.ts';
import type { DetectorDoubt, Finding } from '../../packages/facts/src/detect/finding.ts';
import { VALUE_LENGTH_MAX } from '../../packages/facts/src/detect/rule.ts';
import { openScanner, WINDOW_LENGTH } from '../../packages/facts/src/detect/scanner.ts';
import { ENCODINGS_DEPTH_MAX } from '../../packages/facts/src/detect/window.ts';
import { halves } from './quality.ts';
import { BASE64, base64, privateKey, seeded } from './values.ts';

const samples = Object.values(halves()).flatMap((cases) => cases.map(({ text }) => text));
const found = samples.filter((text) => detect(text).findings.length > 0);
const card = ['5555', '5555', '5555', '4444'].join('');

function scan(chunks: readonly (string | Uint8Array)[]): {
  findings: Finding[];
  doubts: readonly DetectorDoubt[];
} {
  const scanner = openScanner();
  const findings = [...chunks.flatMap((chunk) => scanner.push(chunk)), ...scanner.end()];
  return { findings, doubts: scanner.doubts };
}

/** Texts longer than two windows, with all kinds of things in all places. */
const longText = fc
  .array(
    fc.oneof(
      fc.constantFrom(...samples),
      fc.nat(9_000).map((length) => 'lorem ipsum '.repeat(length / 12)),
      fc.string({ unit: 'grapheme', maxLength: 40 }),
    ),
    { minLength: 40, maxLength: 60 },
  )
  .map((pieces) => pieces.join('\n'));
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 });

function split<T extends string | Uint8Array>(whole: T, at: readonly number[]): T[] {
  const places = [0, ...at.map((share) => Math.floor(share * whole.length)), whole.length].sort(
    (a, b) => a - b,
  );
  return places.slice(1).map((place, index) => whole.slice(places[index], place) as T);
}

describe('a stream', () => {
  test('finds in any pieces what the whole text has', () => {
    fc.assert(
      fc.property(longText, cuts, (text, at) => {
        expect(scan(split(text, at))).toEqual(detect(text));
      }),
      { numRuns: 25 },
    );
  });

  test('of bytes finds the same in any pieces, in the middle of characters too', () => {
    fc.assert(
      fc.property(longText, cuts, (text, at) => {
        const bytes = new TextEncoder().encode(text);
        expect(scan(split(bytes, at))).toEqual(detect(bytes));
      }),
      { numRuns: 25 },
    );
  });

  test('may come unit by unit', () => {
    const text = `${found.slice(0, 12).join('\n')}`;
    expect(scan([...text].flatMap((char) => char.split('')))).toEqual(detect(text));
    const bytes = new TextEncoder().encode(text);
    expect(scan(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(detect(bytes));
  });

  test('loses nothing at the seam of two windows', () => {
    for (const [at, text] of found.entries()) {
      const alone = detect(` ${text} `).findings;
      // Each stands in another place across the seam, so that together they are cut everywhere.
      const before = WINDOW_LENGTH - (at % (text.length + 2));
      const { findings } = detect(`${'.'.repeat(before)} ${text} `);
      expect(findings, text).toEqual(
        alone.map((one) => ({ ...one, start: one.start + before, end: one.end + before })),
      );
    }
  });

  test('keeps no more than a window, however long it is', () => {
    const scanner = openScanner();
    const chunk = `${'nothing to see here. '.repeat(3_000)} ${card} `;
    scanner.push(chunk);
    const before = process.memoryUsage().heapUsed;
    let cards = 0;
    for (let pushed = 0; pushed < 24 << 20; pushed += chunk.length)
      cards += scanner.push(chunk).length;
    expect(cards).toBeGreaterThan(350);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(32 << 20);
  });

  test('is of text or of bytes', () => {
    const scanner = openScanner();
    scanner.push('a');
    expect(() => scanner.push(Uint8Array.of(1))).toThrow(TypeError);
  });

  test('does not change when the caller uses its buffer again', () => {
    const scanner = openScanner();
    const buffer = new TextEncoder().encode(`card ${card} `);
    scanner.push(buffer);
    buffer.fill(0x20);
    expect(scanner.end()).toHaveLength(1);
  });
});

describe('a span', () => {
  test('of bytes covers the bytes of what the text’s span covers', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constantFrom(...samples), fc.string({ unit: 'grapheme' })), {
          maxLength: 8,
        }),
        (pieces) => {
          const text = pieces.join(' ').toWellFormed();
          const bytes = (at: number): number => Buffer.byteLength(text.slice(0, at));
          const { findings, doubts } = detect(text);
          expect(detect(new TextEncoder().encode(text))).toEqual({
            findings: findings.map((one) => ({
              ...one,
              start: bytes(one.start),
              end: bytes(one.end),
            })),
            doubts,
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  test('is right among bytes that are no UTF-8', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.uint8Array({ maxLength: 40 }),
        (before, behind) => {
          const value = new TextEncoder().encode(` ${card} `);
          const bytes = Uint8Array.from([...before, ...value, ...behind]);
          expect(detect(bytes).findings).toContainEqual({
            rule: 'payment-card',
            kind: 'pan',
            start: before.length + 1,
            end: before.length + 17,
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  test('is inside of any text, and nothing throws', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string({ unit: 'binary' }),
            fc.constantFrom(...samples),
            fc.stringMatching(/^[\\%&#xu0-9A-Fa-f=+/ -]{0,40}$/),
          ),
          { maxLength: 12 },
        ),
        (pieces) => {
          const text = pieces.join('');
          for (const { start, end } of detect(text).findings) {
            expect(start).toBeGreaterThanOrEqual(0);
            expect(end).toBeGreaterThan(start);
            expect(end).toBeLessThanOrEqual(text.length);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test('of what is encoded decodes to what was found', () => {
    const text = `x=${base64(`the card ${card} of somebody`)};`;
    const [one] = detect(text).findings;
    const encoded = text.slice(one?.start, one?.end);
    const offset = (text.indexOf('=') + 1 - (one?.start ?? 0)) & 3;
    expect(
      Buffer.from('A'.repeat((4 - offset) & 3) + encoded, 'base64').toString('latin1'),
    ).toContain(card.slice(1, -1));
  });

  test('kinds alone are the kinds of the spans', () => {
    for (const text of samples) {
      const { secrets, personal } = detectKinds(text);
      expect([...secrets, ...personal].sort()).toEqual(
        [...new Set(detect(text).findings.map(({ kind }) => kind))].sort(),
      );
    }
  });
});

describe('what is cut off by a bound is a doubt', () => {
  const nested = (times: number): string =>
    Array.from({ length: times }).reduce<string>(
      (text) => base64(text),
      `the number of the card is ${card}`,
    );

  test('encodings inside of encodings are looked through to a depth, and doubted below it', () => {
    expect(detect(nested(ENCODINGS_DEPTH_MAX))).toMatchObject({
      findings: [{ kind: 'pan' }],
      doubts: [],
    });
    expect(detect(nested(ENCODINGS_DEPTH_MAX + 1))).toEqual({
      findings: [],
      doubts: ['detector-failed'],
    });
  });

  test('a key longer than what is spanned is found, and its end is doubted', () => {
    const random = seeded(3);
    const key = (length: number): string =>
      `${privateKey(random).split('\n')[0]}\n${random.chars(BASE64, length)}`;
    const fits = detect(key(VALUE_LENGTH_MAX - 100).replaceAll('\\n', ''));
    expect(fits).toMatchObject({ findings: [{ kind: 'private-key' }], doubts: [] });
    const long = detect(key(VALUE_LENGTH_MAX + 100).replaceAll('\\n', ''));
    expect(long.findings[0]?.kind).toBe('private-key');
    expect(long.doubts).toEqual(['detector-failed']);
    // Which kind it is does not depend on where it ends.
    expect(detectKinds(key(VALUE_LENGTH_MAX + 100))).toMatchObject({
      secrets: ['private-key'],
      doubts: [],
    });
  });

  test('ordinary texts leave no doubt', () => {
    for (const text of samples) expect(detect(text).doubts, text).toEqual([]);
  });
});

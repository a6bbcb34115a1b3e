import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SIZE_MAX } from './bytes.ts';
import { type Checkpoint, formatCheckpoint, parseCheckpointText } from './checkpoint.ts';

const checkpoints: fc.Arbitrary<Checkpoint> = fc.record({
  origin: fc.stringMatching(/^[a-z0-9./ -]{1,40}$/),
  size: fc.bigInt({ min: 0n, max: SIZE_MAX }),
  root: fc.uint8Array({ minLength: 32, maxLength: 32 }),
});

describe('a checkpoint', () => {
  test('is read back as it was written', () => {
    fc.assert(
      fc.property(checkpoints, (checkpoint) => {
        expect(parseCheckpointText(formatCheckpoint(checkpoint))).toEqual(checkpoint);
      }),
    );
  });

  test('has one spelling: whatever is read is written back to the byte', () => {
    fc.assert(
      fc.property(
        checkpoints,
        fc.nat(),
        fc.constantFrom('0', '1', '+', '-', ' ', '\n', 'A', '=', ''),
        (checkpoint, at, char) => {
          const text = formatCheckpoint(checkpoint);
          const where = at % text.length;
          const changed = text.slice(0, where) + char + text.slice(where + 1);
          let parsed: Checkpoint;
          try {
            parsed = parseCheckpointText(changed);
          } catch {
            return;
          }
          expect(formatCheckpoint(parsed)).toBe(changed);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('that could not be read back is not written', () => {
    const root = new Uint8Array(32);
    for (const bad of [
      { origin: 'a\nb', size: 1n, root },
      { origin: '', size: 1n, root },
      { origin: 'a', size: -1n, root },
      { origin: 'a', size: SIZE_MAX + 1n, root },
      { origin: 'a', size: 1n, root: root.subarray(1) },
    ]) {
      expect(() => formatCheckpoint(bad)).toThrow(/malformed checkpoint/);
    }
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  assertIndex,
  parseTilePath,
  TILE_WIDTH,
  type TileId,
  tileOfNode,
  tilePath,
  tilesOf,
  tileWidth,
} from './tile.ts';

const ids: fc.Arbitrary<TileId> = fc.record({
  level: fc.oneof(fc.integer({ min: 0, max: 63 }), fc.constant('entries' as const)),
  index: fc.oneof(fc.maxSafeNat(), fc.nat({ max: 2_000_000 })),
  width: fc.integer({ min: 1, max: 256 }),
});

describe("a tile's path", () => {
  test('is read back as it was written', () => {
    fc.assert(
      fc.property(ids, (id) => {
        expect(parseTilePath(tilePath(id))).toEqual(id);
      }),
    );
  });

  test('has one spelling: a second one would pass by caches and checks', () => {
    fc.assert(
      fc.property(
        ids,
        fc.nat(),
        fc.constantFrom('0', '1', 'x', '/', '.', 'p', ''),
        (id, at, char) => {
          const path = tilePath(id);
          const where = at % (path.length + 1);
          for (const changed of [
            path.slice(0, where) + char + path.slice(where + 1),
            path.slice(0, where) + char + path.slice(where),
          ]) {
            const parsed = parseTilePath(changed);
            if (parsed) expect(tilePath(parsed)).toBe(changed);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("are the specification's own examples", () => {
    expect(tilePath({ level: 0, index: 1234067, width: 256 })).toBe('tile/0/x001/x234/067');
    expect(tilePath({ level: 'entries', index: 273, width: 112 })).toBe('tile/entries/273.p/112');
  });
});

describe('the tiles of a log', () => {
  test('of 70,000 entries: 273 full and one of 112, one full and one of 17, one of 1', () => {
    const tiles = [...tilesOf(70_000)];
    const widths = (level: number) =>
      tiles.filter((tile) => tile.level === level).map(({ width }) => width);
    expect(widths(0)).toEqual([...Array(273).fill(256), 112]);
    expect(widths(1)).toEqual([256, 17]);
    expect(widths(2)).toEqual([1]);
    expect(widths(3)).toEqual([]);
  });

  test('hold every complete subtree, and never an empty tile', () => {
    for (const size of [0, 1, 255, 256, 257, 65_535, 65_536, 65_537]) {
      const tiles = [...tilesOf(size)];
      expect(tiles.every(({ width }) => width >= 1 && width <= TILE_WIDTH)).toBe(true);
      const leaves = tiles.filter(({ level }) => level === 0);
      expect(leaves.reduce((sum, { width }) => sum + width, 0)).toBe(size);
    }
    expect(tileWidth('entries', 3, 768)).toBe(0);
    expect(tileWidth('entries', 2, 768)).toBe(256);
  });

  test('say where a node of the binary tree stands', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }), fc.nat({ max: 5000 }), (level, index) => {
        const place = tileOfNode(level, index);
        // First and last leaf below the node, counted from the tile and from the node.
        const span = TILE_WIDTH ** place.level;
        const first = (place.index * TILE_WIDTH + place.from) * span;
        expect(first).toBe(index * 2 ** level);
        expect(place.count * span).toBe(2 ** level);
        expect(place.from + place.count).toBeLessThanOrEqual(TILE_WIDTH);
      }),
    );
  });

  test('an index outside the log is refused', () => {
    expect(() => assertIndex(4, 5)).not.toThrow();
    for (const index of [5, -1, 1.5, Number.NaN])
      expect(() => assertIndex(index, 5)).toThrow(/there is no entry/);
  });
});

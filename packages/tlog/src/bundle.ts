/**
 * Entry bundles: c2sp.org/tlog-tiles §Log Entries. Each entry behind its length in two bytes,
 * big-endian.
 */
import { concat } from './bytes.ts';
import { TlogError } from './errors.ts';

export const ENTRY_BYTES_MAX = 65_535;

export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  return concat(
    ...entries.flatMap((entry) => {
      if (entry.length > ENTRY_BYTES_MAX) {
        throw new TlogError(
          'LOG_ENTRY_TOO_LARGE',
          `an entry of ${entry.length} bytes; at most ${ENTRY_BYTES_MAX} fit`,
        );
      }
      return [Uint8Array.of(entry.length >> 8, entry.length & 0xff), entry];
    }),
  );
}

/**
 * Throws BUNDLE_MALFORMED unless the bytes are exactly `count` entries, or any number without a
 * count.
 */
export function decodeBundle(bytes: Uint8Array, count?: number): Uint8Array[] {
  const { entries, problem } = readBundle(bytes, count);
  if (problem) throw new TlogError('BUNDLE_MALFORMED', problem);
  return entries;
}

/**
 * What can be read of a bundle: a verifier says more about the entries before the break than that
 * there is one.
 */
export function readBundle(
  bytes: Uint8Array,
  count?: number,
): { readonly entries: Uint8Array[]; readonly problem?: string } {
  const entries: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    const end = at + 2 + length;
    if (at + 2 > bytes.length || end > bytes.length)
      return {
        entries,
        problem: `entry ${entries.length} of the bundle is cut off at byte ${bytes.length}`,
      };
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  if (count === undefined || entries.length === count) return { entries };
  return { entries, problem: `the bundle holds ${entries.length} entries instead of ${count}` };
}

/** Entry bundles: c2sp.org/tlog-tiles §Log Entries. Each entry behind its length in two bytes, big-endian. */
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

/** Throws BUNDLE_MALFORMED unless the bytes are exactly `count` entries, or any number without a count. */
export function decodeBundle(bytes: Uint8Array, count?: number): Uint8Array[] {
  const entries: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    const end = at + 2 + length;
    if (at + 2 > bytes.length || end > bytes.length) {
      throw new TlogError(
        'BUNDLE_MALFORMED',
        `entry ${entries.length} of the bundle is cut off at byte ${bytes.length}`,
      );
    }
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  if (count !== undefined && entries.length !== count) {
    throw new TlogError(
      'BUNDLE_MALFORMED',
      `the bundle holds ${entries.length} entries instead of ${count}`,
    );
  }
  return entries;
}

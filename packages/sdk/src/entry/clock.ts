/** Time as entries write it: microseconds since 1970, RFC 3339 in UTC. */

/** Microseconds since 1970. */
export type Clock = () => bigint;

/** `2026-11-25T12:00:00.000001Z`. */
export function formatTime(us: bigint): string {
  const micros = String(us % 1000n).padStart(3, '0');
  return `${new Date(Number(us / 1000n)).toISOString().slice(0, -1)}${micros}Z`;
}

/**
 * The machine's clock. Microseconds are counted from the moment a millisecond was first seen: they order
 * what happens within it, and the whole never strays from the wall clock by more than that millisecond.
 */
export function systemClock(): Clock {
  let lastMs = 0;
  let seenNs = 0n;
  return () => {
    const ms = Date.now();
    const ns = process.hrtime.bigint();
    if (ms !== lastMs) {
      lastMs = ms;
      seenNs = ns;
    }
    const micros = (ns - seenNs) / 1000n;
    return BigInt(ms) * 1000n + (micros < 999n ? micros : 999n);
  };
}

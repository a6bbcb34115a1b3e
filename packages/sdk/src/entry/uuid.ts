/** UUIDv7 (RFC 9562 §5.7), rising within a process even inside one millisecond. */

/** Takes milliseconds since 1970. */
export type UuidSource = (unixMs: number) => string;

/** rand_a as a counter (§6.2, method 1): its twelve bits. */
const COUNTER_MAX = 0xfff;
/** A fresh counter starts in the lower quarter, so that it does not run over at once. */
const COUNTER_START_MASK = 0x3ff;

export function uuidSource(random: (bytes: number) => Uint8Array): UuidSource {
  let lastMs = 0;
  let counter = 0;
  return (unixMs) => {
    const bytes = Buffer.from(random(16));
    // A clock that steps back must not give an id before the last one: ids sort as they were made.
    if (unixMs > lastMs) {
      lastMs = unixMs;
      counter = bytes.readUInt16BE(6) & COUNTER_START_MASK;
    } else if (++counter > COUNTER_MAX) {
      lastMs++;
      counter = 0;
    }
    bytes.writeUIntBE(lastMs, 0, 6);
    bytes.writeUInt16BE(0x7000 | counter, 6);
    bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8);
    const hex = bytes.toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  };
}

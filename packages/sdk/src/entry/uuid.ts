/** UUIDv7 (RFC 9562 §5.7), rising within a process even inside one millisecond. */

export interface UuidSource {
  next(unixMs: number): string;
}

export function uuidSource(random: (bytes: number) => Uint8Array): UuidSource {
  let lastMs = 0;
  let counter = 0;
  return {
    next(unixMs) {
      const bytes = Buffer.from(random(16));
      // A clock that steps back must not give an id before the last one: ids sort as they were made.
      if (unixMs > lastMs) {
        lastMs = unixMs;
        counter = bytes.readUInt16BE(6) & 0x3ff;
      } else if (++counter > 0xfff) {
        lastMs++;
        counter = 0;
      }
      bytes.writeUIntBE(lastMs, 0, 6);
      bytes.writeUInt16BE(0x7000 | counter, 6);
      bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8);
      const hex = bytes.toString('hex');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    },
  };
}

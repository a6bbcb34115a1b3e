/** Base64 (both alphabets) and hexadecimal, in plain code, since this runs in browsers too. */

const VALUES = new Int8Array(128).fill(-1);
for (const [at, char] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
].entries()) {
  VALUES[char.charCodeAt(0)] = at;
}
VALUES['-'.charCodeAt(0)] = 62;
VALUES['_'.charCodeAt(0)] = 63;

/** 0 to 63, or −1 for what stands in neither alphabet. */
export const sextet = (code: number): number => (code < 128 ? (VALUES[code] ?? -1) : -1);

/** 0 to 15 of a hexadecimal digit, or −1. */
export function nibble(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** The bytes as code units of a string; undefined where another character than padding stands in it. */
export function decodeBase64(text: string): string | undefined {
  let decoded = '';
  let bits = 0;
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x3d) break;
    const value = sextet(code);
    if (value < 0) return undefined;
    bits = ((bits << 6) | value) & 0xffff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      decoded += String.fromCharCode((bits >> count) & 0xff);
    }
  }
  return decoded;
}

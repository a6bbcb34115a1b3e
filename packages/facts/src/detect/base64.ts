/** Base64 (both alphabets) of a bounded piece, for looking into it; in plain code, since this runs in browsers too. */

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

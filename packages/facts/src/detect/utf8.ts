/** Bytes that are mostly UTF-8 → text, with the byte at which each unit of the text begins. */

export interface DecodedBytes {
  readonly text: string;
  /** The byte at which this unit begins; of text.length, the number of bytes. */
  readonly byteAt: (unit: number) => number;
  /** The first unit that begins at this byte or behind it. */
  readonly unitAt: (byte: number) => number;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export function decodeBytes(bytes: Uint8Array): DecodedBytes {
  const text = decoder.decode(bytes);
  // No sequence has more units than bytes: as many of both means one byte each.
  if (text.length === bytes.length) {
    return { text, byteAt: (unit) => unit, unitAt: (byte) => Math.min(byte, text.length) };
  }
  const starts = new Uint32Array(text.length + 1);
  let byte = 0;
  for (let unit = 0; unit < text.length; unit++) {
    starts[unit] = byte;
    byte += unitBytes(text.charCodeAt(unit), bytes, byte);
  }
  starts[text.length] = bytes.length;
  return {
    text,
    byteAt: (unit) => starts[unit] ?? bytes.length,
    unitAt: (at) => firstFrom(starts, at),
  };
}

function unitBytes(code: number, bytes: Uint8Array, at: number): number {
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  // The two halves of a character outside of the BMP share its four bytes.
  if (code >= 0xd800 && code <= 0xdfff) return 2;
  if (code !== 0xfffd) return 3;
  if (bytes[at] === 0xef && bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd) return 3;
  return brokenBytes(bytes, at);
}

/** Length of what one U+FFFD stands for (encoding.spec.whatwg.org, UTF-8 decoder). */
function brokenBytes(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  const needed = lead >= 0xf0 && lead <= 0xf4 ? 3 : lead >= 0xe0 && lead < 0xf0 ? 2 : 0;
  if (needed === 0) return 1;
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  const second = bytes[at + 1] ?? 0;
  if (second < lowest || second > highest) return 1;
  const third = bytes[at + 2] ?? 0;
  return needed === 3 && third >= 0x80 && third <= 0xbf ? 3 : 2;
}

function firstFrom(starts: Uint32Array, byte: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) >= byte) high = middle;
    else low = middle + 1;
  }
  return low;
}

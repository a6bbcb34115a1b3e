import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256 as nodeSha256 } from './node.ts';
import { sha256 } from './sha256.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('the SHA-256 of browsers', () => {
  test('gives the examples of FIPS 180-4', () => {
    const of = (text: string) => hex(sha256(Buffer.from(text)));
    expect(of('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(of('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(of('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq')).toBe(
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    );
    expect(hex(sha256(new Uint8Array(1_000_000).fill(97)))).toBe(
      'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0',
    );
  });

  test("equals Node's for every length around the padding's edges", () => {
    for (let length = 0; length <= 260; length++) {
      const data = new Uint8Array(length).fill(length);
      expect(hex(sha256(data)), `${length} bytes`).toBe(hex(nodeSha256(data)));
    }
  });

  test("equals Node's for random data, also for a view into a larger buffer", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.nat({ max: 70 }), (data, from) => {
        const view = data.subarray(Math.min(from, data.length));
        expect(hex(sha256(view))).toBe(hex(nodeSha256(view)));
      }),
    );
  });

  test('gives bytes of its own: the next call does not change them', () => {
    const first = sha256(Buffer.from('a'));
    const before = hex(first);
    sha256(Buffer.from('b'));
    expect(hex(first)).toBe(before);
  });
});

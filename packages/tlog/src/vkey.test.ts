import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { testSigner, vkeyOf } from '../../../tests/tlog/memory-tree.ts';
import { openSigner, secretKeyFromSeed, sha256 } from './node.ts';
import {
  formatSecretKey,
  formatVkey,
  KEY_NAME_BYTES_MAX,
  parseSecretKey,
  parseVkey,
  verifierKey,
} from './vkey.ts';

const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('a verifier key', () => {
  test('is read back as it was written, whatever its base64 holds', () => {
    fc.assert(
      fc.property(seeds, (publicKey) => {
        const key = verifierKey('example.com/log', publicKey, sha256);
        expect(parseVkey(formatVkey(key), sha256)).toEqual(key);
      }),
    );
  });

  test('with any one character changed is refused', () => {
    const text = vkeyOf(testSigner('example.com/log'));
    for (let at = 0; at < text.length; at++) {
      for (const char of ['A', '0', 'z', '+', ' ', '\n', '='].filter((one) => one !== text[at])) {
        const changed = text.slice(0, at) + char + text.slice(at + 1);
        expect(() => parseVkey(changed, sha256), changed).toThrow(/not a verifier key/);
      }
    }
  });

  test('has a name of at most KEY_NAME_BYTES_MAX bytes, counted in UTF-8', () => {
    const named = (name: string) => verifierKey(name, new Uint8Array(32), sha256);
    expect(named('a'.repeat(KEY_NAME_BYTES_MAX)).name).toHaveLength(KEY_NAME_BYTES_MAX);
    for (const name of ['a'.repeat(KEY_NAME_BYTES_MAX + 1), 'é'.repeat(128), '', 'a b', 'a+b'])
      expect(() => named(name)).toThrow(/no key name/);
  });
});

describe('a secret key', () => {
  test('is read back as it was written and signs for the public key of its id', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const secret = secretKeyFromSeed('example.com/log', seed);
        expect(parseSecretKey(formatSecretKey(secret))).toEqual(secret);
        expect(openSigner(formatSecretKey(secret)).key.id).toBe(secret.id);
      }),
      { numRuns: 30 },
    );
  });

  test('whose id is of another key is refused: it would sign what nobody can check', () => {
    const secret = formatSecretKey(secretKeyFromSeed('example.com/log', new Uint8Array(32)));
    expect(() => openSigner(secret.replace(/\+[0-9a-f]{8}\+/, '+00000000+'))).toThrow(/its id/);
    expect(() => openSigner(secret.replace('example.com/log', 'example.com/lag'))).toThrow();
  });

  test('is never shown by the error that refuses it', () => {
    const secret = formatSecretKey(
      secretKeyFromSeed('example.com/log', new Uint8Array(32).fill(9)),
    );
    for (const broken of [secret.slice(1), `${secret}=`, secret.replace('example', 'exam ple')]) {
      const base64 = secret.split('+').slice(4).join('+').slice(0, 20);
      try {
        openSigner(broken);
        expect.unreachable();
      } catch (error) {
        expect(String(error)).not.toContain(base64);
      }
    }
  });

  test('is no verifier key, and the other way round', () => {
    const secret = formatSecretKey(secretKeyFromSeed('example.com/log', new Uint8Array(32)));
    expect(() => parseVkey(secret, sha256)).toThrow(/it is a secret key/);
    expect(() => parseSecretKey(vkeyOf(testSigner('example.com/log')))).toThrow(/PRIVATE\+KEY/);
  });
});

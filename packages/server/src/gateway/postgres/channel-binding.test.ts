import { createHash, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeAuthority } from '../../../testing/certificates.ts';
import { endpointOf } from './channel-binding.ts';

const raw = (pem: string): Buffer => new X509Certificate(pem).raw;

test('a certificate is bound by the hash that it was signed with', () => {
  const der = raw(makeAuthority().issue({ name: 'db' }).cert);
  expect(endpointOf(der)).toEqual(createHash('sha256').update(der).digest());
});

/** The first two of a certificate's three parts, as far as they are looked at. */
const signedWith = (algorithm: string): Buffer => {
  const bytes = Buffer.from(algorithm, 'hex');
  const body = Buffer.concat([Buffer.of(0x30, 0), Buffer.of(0x30, bytes.length), bytes]);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
};
const pss = (hash: string): string => {
  const name = `06${(hash.length / 2).toString(16).padStart(2, '0')}${hash}`;
  const inner = `30${(name.length / 2).toString(16).padStart(2, '0')}${name}`;
  const tagged = `a0${(inner.length / 2).toString(16).padStart(2, '0')}${inner}`;
  return `06092a864886f70d01010a30${(tagged.length / 2).toString(16).padStart(2, '0')}${tagged}`;
};

test.each([
  ['MD5 with RSA, which counts for too little', '06092a864886f70d010104', 'sha256'],
  ['SHA-1 with RSA, likewise', '06092a864886f70d010105', 'sha256'],
  ['SHA-384 with RSA', '06092a864886f70d01010c', 'sha384'],
  ['SHA-512 with ECDSA', '06082a8648ce3d040304', 'sha512'],
  ['RSASSA-PSS that names SHA-384', pss('608648016503040202'), 'sha384'],
  ['RSASSA-PSS that names nothing', '06092a864886f70d01010a3000', 'sha256'],
])('%s', (_what, algorithm, hash) => {
  const der = signedWith(algorithm);
  expect(endpointOf(der)).toEqual(createHash(hash).update(der).digest());
});

test('Ed25519 has no hash to bind by', () => {
  expect(
    endpointOf(raw(makeAuthority('odd', 'ed25519').issue({ name: 'db' }).cert)),
  ).toBeUndefined();
});

test('whatever a server sends for a certificate, reading it ends without a fault', () => {
  const der = raw(makeAuthority().cert);
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
      const changed = Buffer.from(der);
      changed[at] = byte;
      const found = endpointOf(changed.subarray(0, at + 200));
      expect(found === undefined || Buffer.isBuffer(found)).toBe(true);
    }),
  );
});

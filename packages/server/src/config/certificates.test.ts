/** TLS in the configuration: what is wrong with a certificate is found before anybody relies on it. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatSecretKey, secretKeyFromSeed } from '@sealrail/tlog';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeAuthority } from '../../testing/certificates.ts';
import type { Config } from './config.ts';
import { ConfigError } from './errors.ts';
import { loadConfig } from './load.ts';
import { warningsOf } from './warnings.ts';

const ORIGIN = 'example.com/test';
const authority = makeAuthority();
const own = authority.issue({ name: 'gateway', hosts: ['gateway.example'] });
const EVERYWHERE = '0.0.0.0:6432';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sealrail-certificates-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string, mode = 0o600): void {
  writeFileSync(join(folder, name), text);
  chmodSync(join(folder, name), mode);
}
beforeEach(() => {
  write('log.key', formatSecretKey(secretKeyFromSeed(ORIGIN, new Uint8Array(32).fill(7))));
  write('users.yaml', 'users: {}\n');
  write('own.crt', own.cert, 0o644);
  write('own.key', own.key);
  write('ca.crt', authority.cert, 0o644);
});

interface Given {
  readonly listen?: string;
  readonly tls?: string;
  readonly host?: string;
  readonly upstream?: string;
}
function load({ listen = '127.0.0.1:6432', tls, host = '127.0.0.1', upstream = '' }: Given) {
  write(
    'sealrail.yaml',
    `log: { dir: ./data, state: ./state, origin: ${ORIGIN}, key: file:log.key }
targets:
  shop:
    kind: postgres
    env: prod
    listen: ${listen}
${tls === undefined ? '' : `    tls: { ${tls} }\n`}    upstream: { url: postgres://role@${host}:5432/shop${upstream} }
`,
  );
  return loadConfig(join(folder, 'sealrail.yaml'), {});
}
const PAIR = 'cert: file:own.crt, key: file:own.key';

async function problems(given: Given): Promise<string> {
  try {
    await load(given);
    return 'nothing';
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.replaceAll(`${folder}/`, '');
  }
}

describe('a gateway’s certificate', () => {
  test('opens it to other machines, and TLS is required unless it says otherwise', async () => {
    const { targets } = await load({ listen: EVERYWHERE, tls: PAIR });
    expect(targets[0]).toMatchObject({
      listen: { host: '0.0.0.0' },
      tls: { cert: own.cert.trimEnd(), require: true },
    });
    const local = await load({ tls: `${PAIR}, require: false` });
    expect(local.targets[0]?.tls?.require).toBe(false);
  });

  test('may come with an authority for clients, whose strictest use is the default', async () => {
    const { targets } = await load({ tls: `${PAIR}, clientCa: file:ca.crt` });
    expect(targets[0]?.tls).toMatchObject({ clientCert: 'verify-full' });
    const cert = await load({ tls: `${PAIR}, clientCa: file:ca.crt, clientCert: cert` });
    expect(cert.targets[0]?.tls).toMatchObject({ clientCert: 'cert' });
  });

  test.each<[string, Given, string]>([
    [
      'a listener for other machines that lets some do without TLS',
      { listen: EVERYWHERE, tls: `${PAIR}, require: false` },
      'sealrail.yaml:6:13: targets.shop.listen: 0.0.0.0:6432 is reachable from other machines, and tls.require is false\n  hint: leave tls.require out',
    ],
    [
      'another certificate’s key',
      { tls: 'cert: file:ca.crt, key: file:own.key' },
      "sealrail.yaml:7:36: tls.key is not the key of the first certificate in tls.cert\n  hint: the gateway's own certificate comes first, then those that signed it",
    ],
    [
      'no certificate',
      { tls: 'cert: file:users.yaml, key: file:own.key' },
      'sealrail.yaml:7:18: targets.shop.tls.cert holds no certificate\n  hint: PEM, -----BEGIN CERTIFICATE-----',
    ],
    [
      'no key',
      { tls: 'cert: file:own.crt, key: file:users.yaml' },
      'sealrail.yaml:7:37: tls.key is no private key\n  hint: PEM, -----BEGIN PRIVATE KEY-----, without a passphrase',
    ],
    [
      'a key in clear',
      { tls: 'cert: file:own.crt, key: MIIEvQ' },
      'sealrail.yaml:7:37: targets.shop.tls.key: a secret stands here in clear\n  hint: write env:NAME, file:PATH or exec:PROGRAM instead, and change the secret: it was readable',
    ],
    [
      'certificates asked for that nobody could verify',
      { tls: `${PAIR}, clientCert: cert` },
      'sealrail.yaml:7:63: tls.clientCert asks for certificates that nothing is there to verify against\n  hint: clientCa: file:PATH names the authority that signs them',
    ],
    [
      'certificates asked for of those only who want to show one',
      { tls: `${PAIR}, clientCa: file:ca.crt, require: false` },
      'sealrail.yaml:7:83: tls.require: false lets clients in that show no certificate\n  hint: leave it out, or leave clientCa out',
    ],
    [
      'a certificate by no reference',
      { tls: 'cert: own.crt, key: file:own.key' },
      'sealrail.yaml:7:18: targets.shop.tls.cert: no reference stands here\n  hint: write file:PATH or env:NAME',
    ],
    [
      'a key of that group that is not there',
      { tls: `${PAIR}, certificate: x` },
      'sealrail.yaml:7:51: unknown key "certificate"\n  hint: known here: cert, key, require, clientCa, clientCert',
    ],
  ])('%s is a problem', async (_what, given, expected) => {
    expect(await problems(given)).toBe(expected);
  });

  test('is for everybody to read, and its key is not; neither is for others to write', async () => {
    write('own.key', own.key, 0o644);
    expect(await problems({ tls: PAIR })).toMatch(/own\.key is open to others/);
    write('own.key', own.key);
    write('own.crt', own.cert, 0o666);
    expect(await problems({ tls: PAIR })).toMatch(/own\.crt is open to others[\s\S]*chmod 644/);
  });

  test('that ends soon, or has ended, is said', async () => {
    const warnings = async (to: number) => {
      const { cert, key } = authority.issue({ name: 'gateway', to });
      write('own.crt', cert);
      write('own.key', key);
      return warningsOf(await load({ tls: PAIR })).join('\n');
    };
    expect(await warnings(20)).not.toMatch(/for clients/);
    expect(await warnings(5)).toMatch(/certificate for clients expires on/);
    expect(await warnings(-5)).toMatch(/certificate for clients has expired on/);
  });
});

describe('the way to the database', () => {
  const tlsOf = ({ targets }: Config) => targets[0]?.upstream.tls;

  test('is encrypted and verified where it leaves the machine, unless somebody says that it need not', async () => {
    expect(tlsOf(await load({}))).toBeUndefined();
    expect(tlsOf(await load({ host: 'db.internal' }))).toEqual({});
    expect(tlsOf(await load({ upstream: ', tls: verify-full' }))).toEqual({});
    expect(tlsOf(await load({ upstream: ', ca: file:ca.crt' }))).toEqual({
      ca: authority.cert.trimEnd(),
    });
    const plain = await load({ host: 'db.internal', upstream: ', tls: disable' });
    expect(tlsOf(plain)).toBeUndefined();
    expect(warningsOf(plain)).toContain('target shop: the way to db.internal is not encrypted');
  });
});

test('who signs is part of what is logged of a configuration; a key is not', async () => {
  const digest = async () =>
    (await load({ tls: `${PAIR}, clientCa: file:ca.crt`, upstream: ', ca: file:ca.crt' })).digest;
  const before = await digest();
  expect(await digest()).toBe(before);
  write('ca.crt', makeAuthority('somebody else').cert);
  const after = await digest();
  expect(after).not.toBe(before);
  const { canonical } = await load({ tls: PAIR });
  expect(canonical).not.toContain(own.key.split('\n')[1]);
});

import { describe, expect, test } from 'vitest';
import { scramVerifier } from '../../config/password.ts';
import {
  ITERATIONS_MAX,
  MECHANISM,
  MECHANISM_PLUS,
  mockVerifier,
  parseVerifier,
  ScramClient,
  ScramError,
  ScramServer,
  type Verifier,
} from './scram.ts';

/** RFC 7677 §3. */
const EXAMPLE = {
  password: 'pencil',
  salt: 'W22ZaJ0SNY7soEsUEjb6gQ==',
  first: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
  serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  serverFirst:
    'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  final:
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
};

function verifier(password = EXAMPLE.password): Verifier {
  const found = parseVerifier(scramVerifier(password, Buffer.from(EXAMPLE.salt, 'base64')));
  if (!found) throw new Error('no verifier');
  return found;
}

describe('ScramServer', () => {
  test('answers the example of RFC 7677 as the RFC does', () => {
    const server = new ScramServer(verifier(), EXAMPLE.serverNonce);
    expect(server.first(EXAMPLE.first)).toBe(EXAMPLE.serverFirst);
    expect(server.final(EXAMPLE.final)).toBe(EXAMPLE.serverFinal);
  });

  test('one bit of another password or of another proof does not hold', () => {
    const other = new ScramServer(verifier('pencil '), EXAMPLE.serverNonce);
    other.first(EXAMPLE.first);
    expect(other.final(EXAMPLE.final)).toBeUndefined();
    const server = new ScramServer(verifier(), EXAMPLE.serverNonce);
    server.first(EXAMPLE.first);
    expect(server.final(EXAMPLE.final.replace('p=dH', 'p=dI'))).toBeUndefined();
  });

  test.each([
    ['a channel binding that was not offered', 'p=tls-server-end-point,,n=u,r=abcdefghijkl'],
    ['an authorization identity', 'n,a=admin,n=u,r=abcdefghijkl'],
    ['a mandatory extension', 'n,,m=x,n=u,r=abcdefghijkl'],
    ['no nonce', 'n,,n=u'],
    ['a nonce that is easy to guess', 'n,,n=u,r=abc'],
    ['nothing', ''],
  ])('%s is refused', (_what, first) => {
    expect(() => new ScramServer(verifier(), 'server').first(first)).toThrow(ScramError);
  });

  test('a login that is bound to a channel holds on that channel only', async () => {
    const [ours, another] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    const login = async (seen: Buffer) => {
      const server = new ScramServer(verifier(), EXAMPLE.serverNonce, ours);
      const client = new ScramClient(EXAMPLE.password, 'abcdefghijklmnop', seen);
      const first = server.first(client.first(), MECHANISM_PLUS);
      return client.verify(server.final(await client.final(first)) ?? '');
    };
    expect(await login(ours)).toBe(true);
    await expect(login(another)).rejects.toThrow(/channel binding check failed/);
  });

  test.each([
    ['a client that did not see the offer', MECHANISM, 'y', /did not see/],
    ['a binding under the name of none', MECHANISM, 'p=tls-server-end-point', /not offered/],
    ['no binding under the name of one', MECHANISM_PLUS, 'n', /not offered/],
    ['a binding of another kind', MECHANISM_PLUS, 'p=tls-unique', /not offered/],
  ])('%s is refused where binding was offered', (_what, mechanism, flag, expected) => {
    const server = new ScramServer(verifier(), 'server', Buffer.alloc(32));
    const first = EXAMPLE.first.replace('n,,', `${flag},,`);
    expect(() => server.first(first, mechanism)).toThrow(expected);
    // A client that knows no binding, and says so, is let in.
    expect(() => server.first(EXAMPLE.first)).not.toThrow();
  });

  test('the flag of the first message must come back in the last: a downgrade shows', () => {
    const bind = (flag: string, binding: string) => {
      const server = new ScramServer(verifier(), EXAMPLE.serverNonce);
      server.first(EXAMPLE.first.replace('n,,', `${flag},,`));
      return () => server.final(EXAMPLE.final.replace('c=biws', `c=${binding}`));
    };
    // `eSws` is `y,,`: the client could have bound to a channel. Its proof is another one then.
    expect(bind('y', 'eSws')).not.toThrow();
    expect(bind('y', 'biws')).toThrow(ScramError);
    expect(bind('n', 'eSws')).toThrow(ScramError);
  });

  test('a nonce of another exchange is refused: nothing can be replayed', () => {
    const server = new ScramServer(verifier(), 'another-nonce');
    server.first(EXAMPLE.first);
    expect(() => server.final(EXAMPLE.final)).toThrow(ScramError);
  });
});

describe('a name that does not exist', () => {
  const secret = Buffer.alloc(32, 1);

  test('gets the same salt every time, another than its neighbour, and never gets in', () => {
    expect(mockVerifier('ghost', secret)).toEqual(mockVerifier('ghost', secret));
    expect(mockVerifier('ghost', secret).salt).not.toEqual(mockVerifier('ghosu', secret).salt);
    expect(mockVerifier('ghost', secret).salt).not.toEqual(
      mockVerifier('ghost', Buffer.alloc(32, 2)).salt,
    );
    const server = new ScramServer(mockVerifier('ghost', secret), EXAMPLE.serverNonce);
    expect(server.first(EXAMPLE.first)).toMatch(/^r=.+,s=.{24},i=4096$/);
    expect(server.final(EXAMPLE.final)).toBeUndefined();
  });
});

describe('ScramClient', () => {
  test('proves itself to a server, and believes only one that proves itself too', async () => {
    const server = new ScramServer(verifier(), EXAMPLE.serverNonce);
    const client = new ScramClient(EXAMPLE.password, 'rOprNGfwEbeRWgbNEkqO');
    const proof = server.final(await client.final(server.first(client.first())));
    expect(proof).toBeDefined();
    expect(client.verify(proof ?? '')).toBe(true);
    expect(client.verify(EXAMPLE.serverFinal)).toBe(false);
  });

  test('nothing is believed before a challenge was answered', () => {
    expect(new ScramClient('x', 'nonce').verify('')).toBe(false);
  });

  test.each([
    ['a nonce that is not ours', `r=other,s=${EXAMPLE.salt},i=4096`],
    ['a nonce that the server added nothing to', `r=ours,s=${EXAMPLE.salt},i=4096`],
    ['an iteration count that would keep us busy', `r=ours2,s=${EXAMPLE.salt},i=1000001`],
    ['no iteration at all', `r=ours2,s=${EXAMPLE.salt},i=0`],
  ])('%s is refused', async (_what, challenge) => {
    await expect(new ScramClient('x', 'ours').final(challenge)).rejects.toThrow(ScramError);
  });
});

test('a verifier is read as PostgreSQL writes it, and nothing else is', () => {
  const text = scramVerifier('pencil', Buffer.from(EXAMPLE.salt, 'base64'));
  expect(parseVerifier(text)?.iterations).toBe(4096);
  expect(parseVerifier(text.replace('$4096:', `$${ITERATIONS_MAX}:`))?.iterations).toBe(1_000_000);
  expect(parseVerifier(text.replace('$4096:', `$${ITERATIONS_MAX + 1}:`))).toBeUndefined();
  for (const broken of ['', 'md5abc', text.slice(0, -3), text.replace('SHA-256', 'SHA-1')]) {
    expect(parseVerifier(broken)).toBeUndefined();
  }
});

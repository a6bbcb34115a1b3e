/** TLS on both legs, with real clients and a real server: who is let in, who is believed, and what passes in clear. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  connect as connectTls,
  createSecureContext,
  createServer as createTlsServer,
  TLSSocket,
} from 'node:tls';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Issued, makeAuthority } from '../../../testing/certificates.ts';
import {
  DATABASE,
  type GatewaySystem,
  PASSWORD,
  startGatewaySystem,
} from '../../../testing/gateway-system.ts';
import type { ClientTlsConfig, PostgresTarget } from '../../config/config.ts';
import { HANDSHAKE_MS_MAX } from './client-tls.ts';
import { dialUpstream } from './dial.ts';
import { cstring, frame, int32 } from './frame.ts';
import { type Gateway, GatewayRefused } from './gateway.ts';
import { CANCEL_REQUEST, GSS_REQUEST, SSL_REQUEST } from './startup.ts';
import { connectUpstream } from './upstream.ts';

const authority = makeAuthority();
const stranger = makeAuthority('another authority');
const ALPNProtocols = ['postgresql'];
const HOSTS = ['localhost', '127.0.0.1'];
const own = authority.issue({ name: 'gateway', hosts: HOSTS });
const tls: ClientTlsConfig = { ...own, require: true };
const people: ClientTlsConfig = { ...tls, clientCa: authority.cert, clientCert: 'cert' };

let system: GatewaySystem;
let gateway: Gateway;
let folder: string;
beforeAll(async () => {
  const server = authority.issue({ name: 'db', hosts: HOSTS });
  system = await startGatewaySystem(
    'CREATE TABLE t (id integer PRIMARY KEY); GRANT ALL ON t TO ROLE;',
    server,
  );
  gateway = await system.open({ mode: 'enforce', tls, upstreamTls: { ca: authority.cert } });
  folder = mkdtempSync(join(tmpdir(), 'sealrail-tls-'));
});
afterAll(async () => {
  await system?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

let from = 0;
beforeEach(() => {
  from = system.log.entries.length;
});
const sessions = () =>
  system.log.of('session', from).map(({ event, result, code }) => `${event} ${result} ${code}`);

function driver(options: Partial<pg.ClientConfig> = {}, at = gateway): pg.Client {
  const client = new pg.Client({
    host: 'localhost',
    port: at.address.port,
    user: 'svc',
    password: PASSWORD,
    database: DATABASE,
    ssl: { ca: authority.cert },
    ...options,
  });
  client.on('error', () => undefined);
  return client;
}
async function ask(client: pg.Client, text = 'SELECT 1 AS n'): Promise<unknown> {
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => 'let in',
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );

describe('a client over TLS', () => {
  test('is let in by each way of asking for it, bound to the channel or not', async () => {
    for (const options of [
      {},
      { enableChannelBinding: true },
      { sslnegotiation: 'direct' },
      { sslnegotiation: 'direct', enableChannelBinding: true },
    ] as Partial<pg.ClientConfig>[]) {
      expect(await ask(driver(options))).toEqual([{ n: 1 }]);
    }
    const started = system.log.of('session', from).filter(({ event }) => event === 'start');
    expect(started.map(({ client }) => (client as { tls?: string }).tls)).toEqual(
      Array(4).fill('TLSv1.3'),
    );
  });

  test('verifies the gateway: another authority, another name, a certificate of yesterday', async () => {
    expect(await refusal(ask(driver({ ssl: { ca: stranger.cert } })))).toMatch(
      /^(UNABLE_TO|SELF_SIGNED)/,
    );
    const old = authority.issue({ name: 'gateway', hosts: HOSTS, from: -30, to: -1 });
    const expired = await system.open({ mode: 'enforce', tls: { ...old, require: true } });
    expect(await refusal(ask(driver({}, expired)))).toMatch(/^CERT_HAS_EXPIRED/);
    const other = authority.issue({ name: 'gateway', hosts: ['elsewhere.example'] });
    const misnamed = await system.open({ mode: 'enforce', tls: { ...other, require: true } });
    expect(await refusal(ask(driver({}, misnamed)))).toMatch(/^ERR_TLS_CERT_ALTNAME_INVALID/);
  });

  test('without it is told so in PostgreSQL’s terms, and the log knows', async () => {
    expect(await refusal(ask(driver({ ssl: false })))).toBe(
      '28000: this gateway takes connections over TLS only',
    );
    await expect.poll(sessions).toContain('authentication refused 28000');
    const lenient = await system.open({ mode: 'enforce', tls: { ...own, require: false } });
    expect(await ask(driver({ ssl: false }, lenient))).toEqual([{ n: 1 }]);
    expect(await ask(driver({}, lenient))).toEqual([{ n: 1 }]);
  });

  test('a wrong password is refused inside of it as outside', async () => {
    expect(await refusal(ask(driver({ password: 'wrong' })))).toMatch(/^28P01/);
    expect(await refusal(ask(driver({ password: 'wrong', enableChannelBinding: true })))).toMatch(
      /^28P01/,
    );
  });

  test('a man in the middle with a certificate of the same authority cannot pass a bound login on', async () => {
    // He decrypts and forwards: without channel binding the login goes through, and he is in.
    const his = authority.issue({ name: 'gateway', hosts: HOSTS });
    const middle = createTlsServer({ ...his, ALPNProtocols }, (client) => {
      const onward = connectTls({
        port: gateway.address.port,
        host: 'localhost',
        ca: authority.cert,
        ALPNProtocols,
      });
      client.pipe(onward).pipe(client);
      for (const side of [client, onward]) side.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => middle.listen(0, '127.0.0.1', () => resolve()));
    const { port } = middle.address() as { port: number };
    const through = { host: '127.0.0.1', port, sslnegotiation: 'direct' } as pg.ClientConfig;
    expect(await ask(driver(through))).toEqual([{ n: 1 }]);
    expect(await refusal(ask(driver({ ...through, enableChannelBinding: true })))).toMatch(
      /^08P01: SCRAM channel binding check failed/,
    );
    middle.close();
  });
});

/** What comes back of raw bytes, each sent when the one before it is answered, until the connection ends. */
async function knock(...writes: readonly Buffer[]): Promise<Buffer> {
  const socket = dial(gateway.address.port, '127.0.0.1');
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  for (const bytes of writes) {
    const answered = new Promise((resolve) => socket.once('data', resolve));
    socket.write(bytes);
    await Promise.race([answered, closed]);
  }
  await closed;
  return Buffer.concat(chunks);
}
const request = (code: number, ...more: readonly Buffer[]): Buffer => {
  const body = Buffer.concat([int32(code), ...more]);
  return Buffer.concat([int32(body.length + 4), body]);
};
const STARTUP = request(3 << 16, ...['user', 'svc', 'database', DATABASE, ''].map(cstring));
const error = (bytes: Buffer): string => /\0C([0-9A-Z]{5})\0/.exec(bytes.toString())?.[1] ?? '';

describe('what comes before TLS', () => {
  test('bytes behind the request are not taken for the client’s own (CVE-2021-23214)', async () => {
    const answer = await knock(Buffer.concat([request(SSL_REQUEST), STARTUP]));
    expect(answer.toString()).not.toMatch(/^S/);
    expect(error(answer)).toBe('08P01');
    await expect.poll(sessions).toEqual(['authentication refused 08P01']);
  });

  test('GSS encryption is declined, TLS is taken after it, and nothing in clear after that', async () => {
    const answer = await knock(request(GSS_REQUEST), request(SSL_REQUEST), STARTUP);
    // No error in clear either: what follows is TLS's own.
    expect(answer.subarray(0, 2).toString()).toBe('NS');
    expect(error(answer)).toBe('');
    await expect.poll(sessions).toEqual(['authentication refused 08P01']);
  });

  test('whatever comes before and instead of a handshake, the next client is served', async () => {
    const opening = fc.constantFrom(request(SSL_REQUEST), Buffer.of(0x16, 3, 1), Buffer.alloc(0));
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 600 });
    await fc.assert(
      fc.asyncProperty(opening, bytes, fc.boolean(), async (start, rest, whole) => {
        const socket = dial(gateway.address.port, '127.0.0.1');
        const closed = new Promise((resolve) => socket.once('close', resolve));
        socket.on('error', () => undefined).resume();
        const [first, second] = whole
          ? [Buffer.concat([start, rest]), Buffer.alloc(0)]
          : [start, Buffer.from(rest)];
        socket.write(first);
        await new Promise((resolve) => setImmediate(resolve));
        socket.end(second);
        await closed;
      }),
      { numRuns: 60 },
    );
    expect(await ask(driver())).toEqual([{ n: 1 }]);
    // None of them got any further than the door.
    const seen = sessions().filter((one) => one.startsWith('start'));
    expect(seen).toEqual(['start ok undefined']);
  });

  const secure = (options: object): Promise<TLSSocket> =>
    new Promise((resolve, reject) => {
      const socket = connectTls({
        port: gateway.address.port,
        host: '127.0.0.1',
        ca: authority.cert,
        ...options,
      });
      socket.once('secureConnect', () => resolve(socket)).once('error', reject);
    });
  const answered = (socket: TLSSocket): Promise<string> =>
    new Promise((resolve) => socket.once('data', (bytes) => resolve(error(bytes))));

  test('direct TLS names the protocol, or was led here from elsewhere', async () => {
    const nameless = await secure({});
    expect(await answered(nameless)).toBe('08P01');
    nameless.destroy();
    await expect(secure({ ALPNProtocols: ['http/1.1'] })).rejects.toThrow(/application protocol/i);
  });

  test('a handshake that does not come to an end gets one', { timeout: 30_000 }, async () => {
    const startedMs = performance.now();
    const socket = dial(gateway.address.port, '127.0.0.1');
    socket.on('error', () => undefined).write(request(SSL_REQUEST));
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    const tookMs = performance.now() - startedMs;
    expect(tookMs).toBeGreaterThan(HANDSHAKE_MS_MAX - 500);
    expect(tookMs).toBeLessThan(HANDSHAKE_MS_MAX + 5_000);
  });

  test('TLS below 1.2 is none, and TLS inside of TLS neither', async () => {
    await expect(
      secure({
        ALPNProtocols,
        maxVersion: 'TLSv1.1',
        minVersion: 'TLSv1',
        ciphers: 'ALL@SECLEVEL=0',
      }),
    ).rejects.toThrow();
    const again = await secure({ ALPNProtocols });
    again.write(request(SSL_REQUEST));
    expect(await answered(again)).toBe('08P01');
    again.destroy();
  });

  test('nothing is resumed: each connection shows its certificate anew', async () => {
    const options = { ALPNProtocols, maxVersion: 'TLSv1.2' };
    const first = await secure(options);
    const session = first.getSession();
    first.destroy();
    const second = await secure({ ...options, session });
    expect(second.isSessionReused()).toBe(false);
    second.destroy();
  });

  test.each([
    ['a mechanism that claims no channel where one was offered', 'SCRAM-SHA-256', 'y,,'],
    ['-PLUS without a binding', 'SCRAM-SHA-256-PLUS', 'n,,'],
    ['a binding that was not offered', 'SCRAM-SHA-256-PLUS', 'p=tls-unique,,'],
  ])('%s is refused: somebody took the offer out', async (_what, mechanism, header) => {
    const socket = await secure({ ALPNProtocols });
    socket.write(STARTUP);
    await new Promise((resolve) => socket.once('data', resolve));
    const first = Buffer.from(`${header}n=,r=abcdefghijklmnop`);
    socket.write(frame('p', cstring(mechanism), int32(first.length), first));
    expect(await answered(socket)).toBe('08P01');
    socket.destroy();
  });
});

describe('a client’s certificate', () => {
  const alice = authority.issue({ name: 'svc' });
  let strict: Gateway;
  beforeAll(async () => {
    strict = await system.open({ mode: 'enforce', tls: people });
  });
  const withCertificate = (certificate: object, options: Partial<pg.ClientConfig> = {}) =>
    driver({ ssl: { ca: authority.cert, ...certificate }, ...options }, strict);

  test('is a login by itself, and the log says by which', async () => {
    expect(await ask(withCertificate(alice, { password: 'not asked for' }))).toEqual([{ n: 1 }]);
    const start = system.log.entries.slice(from).find(({ about }) => about.session !== undefined);
    expect(start?.about.principal).toEqual({ type: 'service', id: 'svc', proof: 'mtls' });
    const [entry] = system.log.of('session', from);
    expect(entry?.client).toMatchObject({ certificate: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  test.each([
    ['none', {}, {}, /valid client certificate/],
    ['one of another authority', stranger.issue({ name: 'svc' }), {}, /valid client certificate/],
    [
      'one of yesterday',
      authority.issue({ name: 'svc', from: -9, to: -1 }),
      {},
      /valid client certificate/,
    ],
    ['somebody else’s', authority.issue({ name: 'other' }), {}, /failed for user "svc"/],
    ['of nobody that is known', authority.issue({ name: 'ghost' }), { user: 'ghost' }, /"ghost"/],
  ])('%s is not enough', async (_what, certificate, options, expected) => {
    const said = await refusal(ask(withCertificate(certificate, options)));
    expect(said).toMatch(/^28000/);
    expect(said).toMatch(expected);
    await expect.poll(sessions).toContain('authentication refused 28000');
  });

  test('may be asked for beside the password, of the user or of anybody', async () => {
    const open = (clientCert: 'verify-ca' | 'verify-full') =>
      system.open({ mode: 'enforce', tls: { ...people, clientCert } });
    const full = await open('verify-full');
    const any = await open('verify-ca');
    const at = (where: Gateway, name: string, password = PASSWORD) => {
      const ssl = { ca: authority.cert, ...authority.issue({ name }) };
      return refusal(ask(driver({ ssl, password }, where)));
    };
    expect(await at(full, 'svc')).toBe('let in');
    expect(await at(full, 'svc', 'wrong')).toMatch(/^28P01/);
    expect(await at(full, 'other')).toMatch(/^28000/);
    expect(await at(any, 'other')).toBe('let in');
    expect(await at(any, 'other', 'wrong')).toMatch(/^28P01/);
  });
});

test('a renewed certificate is shown to who comes next, and sessions go on', async () => {
  const one = await system.open({ mode: 'enforce', tls });
  const before = driver({}, one);
  await before.connect();
  const renewed = stranger.issue({ name: 'gateway', hosts: HOSTS });
  one.reload(system.target({ mode: 'enforce', tls: { ...renewed, require: true } }));
  expect((await before.query('SELECT 2 AS n')).rows).toEqual([{ n: 2 }]);
  expect(await ask(driver({ ssl: { ca: stranger.cert } }, one))).toEqual([{ n: 1 }]);
  expect(await refusal(ask(driver({}, one)))).toMatch(/^(UNABLE_TO|SELF_SIGNED)/);
  await before.end();
});

describe('the way to the server', () => {
  const upstreamTls = { ca: authority.cert };
  const open = (variant: Partial<Parameters<GatewaySystem['open']>[0]>) =>
    system.open({ mode: 'enforce', tls, upstreamTls, ...variant });

  test('is encrypted for sessions and for the catalog', async () => {
    const rows = await ask(
      driver(),
      'SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
    );
    expect(rows).toEqual([{ ssl: true, version: 'TLSv1.3' }]);
    const { rows: catalog } = await system.admin.query(
      `SELECT bool_and(ssl) AS ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
       WHERE application_name = 'sealrail catalog' AND ssl`,
    );
    expect(catalog).toEqual([{ ssl: true }]);
  });

  /** Answers the request for TLS with these bytes, and begins it where there is a certificate. */
  async function impostor(answer: string, certificate?: Issued): Promise<number> {
    const context = certificate && createSecureContext(certificate);
    const server = createServer((socket) => {
      socket
        .on('error', () => undefined)
        .once('data', () => {
          socket.pause();
          socket.write(answer);
          if (!context) return;
          const options = { isServer: true, secureContext: context };
          new TLSSocket(socket, options).on('error', () => undefined);
        });
    });
    impostors.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    return (server.address() as { port: number }).port;
  }
  const impostors: Server[] = [];
  afterAll(() => {
    for (const server of impostors) server.close();
  });
  const self = makeAuthority('localhost');

  test.each<[string, RegExp, string, Issued | undefined]>([
    ['no TLS', /does not offer TLS/, 'N', undefined],
    ['a certificate that signed itself', /self-signed.*upstream\.ca/, 'S', self],
    ['another authority', /not trusted here/, 'S', stranger.issue({ name: 'db', hosts: HOSTS })],
    ['another name', /is not for localhost/, 'S', authority.issue({ name: 'db', hosts: ['db.x'] })],
    [
      'a certificate of yesterday',
      /has expired/,
      'S',
      authority.issue({ name: 'db', hosts: HOSTS, from: -9, to: -1 }),
    ],
    [
      'a certificate of tomorrow',
      /clocks/,
      'S',
      authority.issue({ name: 'db', hosts: HOSTS, from: 1 }),
    ],
  ])('%s keeps the gateway from starting, and says why', async (_what, expected, answer, shown) => {
    const upstreamPort = await impostor(answer, shown);
    const refused = await open({ upstreamHost: 'localhost', upstreamPort }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(refused).toBeInstanceOf(GatewayRefused);
    expect((refused as GatewayRefused).message).toMatch(expected);
    expect((refused as GatewayRefused).kind).toBe('configuration');
    // A session says so too, where the server changed under a running gateway.
    const address = { ...system.target({ mode: 'enforce' }).upstream, host: 'localhost' };
    const dialled = dialUpstream({ ...address, port: upstreamPort, tls: upstreamTls });
    await expect(dialled).rejects.toThrow(expected);
  });

  test('bytes behind the server’s answer are not taken for the server’s own (CVE-2021-23222)', async () => {
    const port = await impostor('SE\0\0\0\0');
    const { upstream } = system.target({ mode: 'enforce' });
    await expect(
      dialUpstream({ ...upstream, host: 'localhost', port, tls: upstreamTls }),
    ).rejects.toThrow(/with something else/);
  });

  test('is not passed on by somebody in between, whoever certified them', async () => {
    const his = authority.issue({ name: 'db', hosts: HOSTS });
    const { port } = system.postgres;
    const server = createServer((socket) => {
      socket
        .on('error', () => undefined)
        .once('data', () => {
          socket.pause();
          socket.write('S');
          const secureContext = createSecureContext(his);
          const near = new TLSSocket(socket, { isServer: true, secureContext });
          const far = connectTls({ port, ca: authority.cert, host: 'localhost', ALPNProtocols });
          near.pipe(far).pipe(near);
          for (const side of [near, far]) side.on('error', () => undefined);
        });
    });
    impostors.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const between = (server.address() as { port: number }).port;
    const { upstream } = system.target({ mode: 'enforce', upstreamHost: 'localhost', upstreamTls });
    const direct = await connectUpstream(upstream, new Map());
    direct.socket.destroy();
    const another = { ...upstream, port: between };
    await expect(connectUpstream(another, new Map())).rejects.toThrow(/channel binding/);
    // Nor is the catalog believed that they would show.
    await expect(open({ upstreamHost: 'localhost', upstreamPort: between })).rejects.toThrow(
      /channel binding/,
    );
  });
});

test('a certificate that allows no binding, Ed25519, is good enough on both legs', async () => {
  const odd = makeAuthority('odd', 'ed25519');
  const { rows } = await system.admin.query<{ cert: string; key: string }>(
    "SELECT current_setting('ssl_cert_file') AS cert, current_setting('ssl_key_file') AS key",
  );
  const [files] = rows;
  const install = async ({ cert, key }: Issued) => {
    writeFileSync(files?.cert ?? '', cert);
    writeFileSync(files?.key ?? '', key);
    await system.admin.query('SELECT pg_reload_conf()');
  };
  const believed = ({ upstream }: PostgresTarget) =>
    dialUpstream(upstream).then(
      ({ socket }) => socket.destroy().destroyed,
      () => false,
    );
  const server = readFileSync(files?.cert ?? '', 'utf8');
  const key = readFileSync(files?.key ?? '', 'utf8');
  await install(odd.issue({ name: 'db', hosts: HOSTS }));
  try {
    const upstreamTls = { ca: odd.cert };
    await expect.poll(() => believed(system.target({ mode: 'enforce', upstreamTls }))).toBe(true);
    const issued = odd.issue({ name: 'gateway', hosts: HOSTS });
    const one = await system.open({
      mode: 'enforce',
      tls: { ...issued, require: true },
      upstreamTls,
    });
    const options = { ssl: { ca: odd.cert } };
    expect(await ask(driver(options, one))).toEqual([{ n: 1 }]);
    // A client that could bind says so, and is told that there is nothing to bind to.
    expect(await ask(driver({ ...options, enableChannelBinding: true }, one))).toEqual([{ n: 1 }]);
  } finally {
    await install({ cert: server, key });
    const upstreamTls = { ca: authority.cert };
    await expect.poll(() => believed(system.target({ mode: 'enforce', upstreamTls }))).toBe(true);
  }
});

test('a goodbye is answered by the end and by nothing else, whoever closes first', async () => {
  const socket = await loggedIn();
  const said: Buffer[] = [];
  socket.on('data', (bytes) => said.push(bytes));
  from = system.log.entries.length;
  socket.write(frame('X'));
  await new Promise((resolve) => socket.once('close', resolve));
  expect(Buffer.concat(said).toString()).toBe('');
  await expect.poll(sessions).toContain('end ok undefined');
  // Nobody's goodbye has a code, those before it included.
  expect(sessions().filter((one) => /^end .*[0-9]/.test(one))).toEqual([]);
});

/** The connection of a driver, taken from it as soon as it is a session. */
async function loggedIn(): Promise<Socket> {
  const client = driver();
  await client.connect();
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  stream.removeAllListeners('data');
  return stream;
}

test('a client that reads slowly holds the server back, and memory stays flat', async () => {
  const client = driver();
  await client.connect();
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  const rows = 150;
  const query = client.query(`SELECT repeat('x', 1000000) AS x FROM generate_series(1, ${rows})`);
  const before = process.memoryUsage();
  stream.pause();
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const held = process.memoryUsage();
  expect(held.external + held.heapUsed - before.external - before.heapUsed).toBeLessThan(64 << 20);
  stream.resume();
  expect((await query).rows).toHaveLength(rows);
  await client.end();
});

const sleepers = async (): Promise<number> => {
  const { rows } = await system.admin.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity
     WHERE state = 'active' AND query = 'SELECT pg_sleep(20)'`,
  );
  return rows[0]?.n ?? 0;
};

test('a query is cancelled through TLS, and through the clear that older clients cancel in', async () => {
  for (const encrypted of [true, false]) {
    const client = driver();
    await client.connect();
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
    const sleeping = refusal(client.query('SELECT pg_sleep(20)'));
    await expect.poll(() => sleepers()).toBe(1);
    const cancel = request(CANCEL_REQUEST, int32(processID), int32(secretKey));
    const { port } = gateway.address;
    const socket = encrypted
      ? connectTls({
          port,
          ca: authority.cert,
          servername: 'localhost',
          ALPNProtocols,
        })
      : dial(port, '127.0.0.1');
    socket.once(encrypted ? 'secureConnect' : 'connect', () => socket.write(cancel));
    expect(await sleeping).toMatch(/^57014/);
    socket.destroy();
    await client.end();
  }
});

const hasPsql = spawnSync('psql', ['--version']).status === 0;

describe.skipIf(!hasPsql)('psql', () => {
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    chmodSync(path, 0o600);
    return path;
  };
  function psql(options: string, at = gateway): Promise<{ code: number | null; said: string }> {
    const where = `host=localhost port=${at.address.port} user=svc dbname=${DATABASE}`;
    const env = { ...process.env, PGPASSWORD: PASSWORD, PGCONNECT_TIMEOUT: '10' };
    const child = spawn('psql', ['-XAtc', 'SELECT 42', `${where} ${options}`], { env });
    let said = '';
    child.stdout.on('data', (bytes) => {
      said += bytes;
    });
    child.stderr.on('data', (bytes) => {
      said += bytes;
    });
    return new Promise((resolve) => child.once('close', (code) => resolve({ code, said })));
  }

  test('connects with everything verified and the channel bound', async () => {
    const ca = file('ca.pem', authority.cert);
    const options = `sslmode=verify-full sslrootcert=${ca} channel_binding=require`;
    expect(await psql(options)).toEqual({ code: 0, said: '42\n' });
    const wrong = await psql(`sslmode=verify-full sslrootcert=${file('x.pem', stranger.cert)}`);
    expect(wrong.said).toMatch(/certificate verify failed/);
  });

  test('in clear is refused with a reason', async () => {
    const { code, said } = await psql('sslmode=disable');
    expect(code).toBe(2);
    expect(said).toMatch(/takes connections over TLS only[\s\S]*sslmode=verify-full/);
  });

  test('shows a certificate of its own', async () => {
    const strict = await system.open({ mode: 'enforce', tls: people });
    const { cert, key } = authority.issue({ name: 'svc' });
    const mine = `sslcert=${file('svc.crt', cert)} sslkey=${file('svc.key', key)}`;
    const ca = `sslmode=verify-full sslrootcert=${file('ca.pem', authority.cert)}`;
    expect(await psql(`${ca} ${mine}`, strict)).toEqual({ code: 0, said: '42\n' });
  });
});

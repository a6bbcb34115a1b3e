/** The gateway's door and its ends: who gets in, what a mode changes, cancels, stalls, restarts, losses. */
import { createServer, connect as dial, type Socket } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { encode, WireClient } from '../../../../../tests/attacks/wire.ts';
import {
  DATABASE,
  execute,
  type GatewaySystem,
  PASSWORD,
  parse,
  query,
  run,
  startGatewaySystem,
  summary,
  sync,
  talk,
} from '../../../testing/gateway-system.ts';
import { AUTHENTICATION_FRAME_BYTES_MAX } from './authentication.ts';
import { cstring, frame, int32 } from './frame.ts';
import { type Gateway, GatewayRefused } from './gateway.ts';

let system: GatewaySystem;
let observing: Gateway;
beforeAll(async () => {
  system = await startGatewaySystem(`
    CREATE TABLE t (id integer PRIMARY KEY);
    GRANT ALL ON t TO ROLE;`);
  observing = await system.open({ mode: 'observe' });
});
afterAll(() => system?.stop());

let from = 0;
beforeEach(async () => {
  await system.admin.query('TRUNCATE t; INSERT INTO t VALUES (1), (2)');
  from = system.log.entries.length;
});
const rows = async () =>
  (await system.admin.query<{ n: number }>('SELECT count(*)::int AS n FROM t')).rows[0]?.n;
const sessions = () =>
  system.log.of('session', from).map(({ event, result, code }) => `${event} ${result} ${code}`);
const decisions = () => system.log.of('decision', from).map(({ decision }) => decision);

const startup = (version: number, pairs: Readonly<Record<string, string>>): Buffer => {
  const strings = Object.entries(pairs).flat().map(cstring);
  const body = Buffer.concat([int32(version), ...strings, Buffer.of(0)]);
  return Buffer.concat([int32(body.length + 4), body]);
};
const V3_0 = 3 << 16;

async function knock(...packets: readonly Buffer[]) {
  const client = await WireClient.open(system.gateway.address.port);
  for (const packet of packets) client.write(packet);
  const answer = await client.answer(0);
  client.end();
  return answer;
}

function driver(options: Partial<pg.ClientConfig> = {}, gateway = system.gateway): pg.Client {
  const { host, port } = gateway.address;
  const given = { host, port, user: 'svc', password: PASSWORD, database: DATABASE, ...options };
  const client = new pg.Client(given);
  client.on('error', () => undefined);
  return client;
}
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => ({ code: 'let in', message: '', hint: '' }),
    (error: { code?: string; message: string; hint?: string }) => error,
  );

describe('at the door', () => {
  test('a client in is an authentication and a start with the backend that it talks to', async () => {
    const client = driver({ application_name: 'report' });
    await client.connect();
    const { rows: found } = await client.query<{ pid: number; name: string }>(
      "SELECT pg_backend_pid() AS pid, current_setting('application_name') AS name",
    );
    await client.end();
    expect(sessions().slice(0, 2)).toEqual(['authentication ok undefined', 'start ok undefined']);
    const [, start] = system.log.entries.slice(from);
    expect(start?.fields).toMatchObject({ client: { user: 'svc', backendPid: found[0]?.pid } });
    expect(found[0]?.name).toBe(`report sealrail:${start?.about.session}`);
    expect(start?.about.principal).toEqual({ type: 'service', id: 'svc', proof: 'scram' });
  });

  test('encoding and string syntax are the gateway’s to choose, whatever the client asks for', async () => {
    const client = driver({ client_encoding: 'SQL_ASCII' });
    await client.connect();
    const { rows: found } = await client.query(
      "SELECT current_setting('client_encoding') AS encoding, current_setting('standard_conforming_strings') AS strings",
    );
    expect(found).toEqual([{ encoding: 'UTF8', strings: 'on' }]);
    await client.query('RESET ALL');
    await client.query('DISCARD ALL');
    expect((await client.query('SHOW client_encoding')).rows).toEqual([
      { client_encoding: 'UTF8' },
    ]);
    await client.end();
  });

  test.each([
    ['a wrong password', { password: 'wrong' }, '28P01'],
    ['a name that does not exist', { user: 'ghost' }, '28P01'],
    ['another database', { database: 'postgres' }, '3D000'],
    ['replication', { replication: 'database' }, '42501'],
    ['a setting that changes how texts are read', { options: '-c search_path=evil' }, '42501'],
  ])('%s is refused, with an entry', async (_what, options, code) => {
    expect((await refusal(driver(options as pg.ClientConfig).connect())).code).toBe(code);
    expect(sessions()).toContain(`authentication refused ${code}`);
  });

  test('the target’s own name will do as the database', async () => {
    const client = driver({ database: 'shop-target' });
    await client.connect();
    expect((await client.query('SELECT current_database() AS name')).rows).toEqual([
      { name: DATABASE },
    ]);
    await client.end();
  });

  test('encryption is declined in clear, and each kind may be asked for once', async () => {
    const ssl = Buffer.concat([int32(8), int32(80_877_103)]);
    const gss = Buffer.concat([int32(8), int32(80_877_104)]);
    const client = await WireClient.open(system.gateway.address.port);
    for (const request of [ssl, gss, ssl]) {
      client.write(request);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await expect.poll(sessions).toEqual(['authentication refused 08P01']);
    client.end();
  });

  test('a probe that says nothing leaves nothing in the log', async () => {
    const client = await WireClient.open(system.gateway.address.port);
    client.end();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(sessions()).toEqual([]);
  });

  test('messages before the authentication are refused, whatever they are', async () => {
    const opening = startup(V3_0, { user: 'svc', database: DATABASE });
    const { error } = await knock(opening, encode(query('DELETE FROM t')));
    expect(error?.code).toBe('08P01');
    expect(await rows()).toBe(2);
  });

  test('as many connections as there may be get in, and one more is told so', async () => {
    const gateway = await system.open({ mode: 'enforce', sessionsMax: 2 });
    const clients = [await system.login('svc', gateway), await system.login('svc', gateway)];
    expect((await refusal(driver({}, gateway).connect())).code).toBe('53300');
    for (const client of clients) client.end();
    await expect.poll(() => gateway.sessions).toBe(0);
    (await system.login('svc', gateway)).end();
  });

  test('a SASL response at the bound is read, and one past it ends the connection', async () => {
    const opening = startup(V3_0, { user: 'svc', database: DATABASE });
    const response = (bytes: number) => frame('p', Buffer.alloc(bytes - 4));
    const most = await knock(opening, response(AUTHENTICATION_FRAME_BYTES_MAX));
    expect(most.error?.message).toBe('the client chose a mechanism that was not offered');
    const more = await knock(opening, response(AUTHENTICATION_FRAME_BYTES_MAX + 1));
    expect(more.error?.message).toContain('at most 4096 are taken');
  });

  test('a greased handshake is negotiated down to what is spoken, before anything else', async () => {
    const pairs = { user: 'svc', database: DATABASE, '_pq_.grease': '1' };
    const { messages } = await knock(startup(V3_0 | 9_999, pairs));
    expect(messages.map(({ type }) => type)).toEqual(['v', 'R']);
    expect(messages[0]?.body.readInt32BE(0)).toBe(V3_0 | 2);
  });
});

describe('observe', () => {
  test('lets everything through and logs what it would have been', async () => {
    const client = await system.login('svc', observing);
    const denied = [query('DELETE FROM t'), ...run('EXECUTE nobody'), sync, query('SELEC 1')];
    expect(await talk(client, denied)).toEqual([
      'C DELETE 2',
      'Z I',
      '1',
      '2',
      'E 26000',
      'Z I',
      'E 42601',
      'Z I',
    ]);
    expect(decisions().map(({ code, enforced }) => [code, enforced])).toEqual([
      ['forbidden', false],
      ['not-understood', false],
      ['not-understood', false],
    ]);
    expect(system.log.of('outcome', from).map(({ outcome }) => outcome.status)).toEqual([
      'executed',
      'failed',
      'failed',
    ]);
    client.end();
  });

  test('a name that nobody judged is executed by the server as it would be without us', async () => {
    const client = await system.login('svc', observing);
    expect(await talk(client, [execute('nobody'), sync])).toEqual(['E 34000', 'Z I']);
    const reserved = [parse('sealrail', 'SELECT 1'), sync];
    expect(await talk(client, reserved)).toEqual(['1', 'Z I']);
    client.end();
  });

  test('malformed bytes end the session all the same', async () => {
    const client = await system.login('svc', observing);
    client.write(Buffer.from('7a00000004', 'hex'));
    expect((await client.answer(1)).error?.code).toBe('08P01');
    expect(decisions().map(({ code, enforced }) => [code, enforced])).toEqual([['rejected', true]]);
  });

  test('a session whose encoding changes is ended: it would be read in another way than judged', async () => {
    const client = await system.login('svc', observing);
    client.write(encode(query('SET client_encoding = LATIN1')));
    expect((await client.answer(1)).error?.code).toBe('58000');
    expect(system.log.of('finding', from)).toMatchObject([
      { rule: 'pinned-setting-changed', severity: 'critical' },
    ]);
  });

  test('enforced for one group, others are only watched', async () => {
    const mixed = await system.open({ mode: { enforce: ['services'] } });
    const [enforced, watched] = [
      await system.login('svc', mixed),
      await system.login('other', mixed),
    ];
    expect(await talk(enforced, [query('DELETE FROM t')])).toEqual(['E 42501', 'Z I']);
    expect(await talk(watched, [query('DELETE FROM t')])).toEqual(['C DELETE 2', 'Z I']);
    enforced.end();
    watched.end();
  });
});

describe('cancel requests', () => {
  async function cancel(pid: number, key: Buffer) {
    const request = Buffer.concat([int32(12 + key.length), int32(80_877_102), int32(pid), key]);
    return knock(request);
  }

  test('reach only the session whose key they carry, and are never answered', async () => {
    const client = driver();
    await client.connect();
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
    const running = refusal(client.query('SELECT pg_sleep(30)'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    const wrong = await cancel(processID, int32(secretKey ^ 1));
    expect(wrong.messages).toEqual([]);
    const right = await cancel(processID, int32(secretKey));
    expect(right.messages).toEqual([]);
    expect(await running).toMatchObject({ code: '57014' });
    const codes = () => system.log.of('outcome', from).map(({ outcome }) => outcome.code);
    await expect.poll(codes).toContain('57014');
    await client.end();
  });
});

describe('the log', () => {
  test('that holds back holds back the start of a session too', async () => {
    system.log.mode = 'holding';
    const client = driver();
    let connected = false;
    const connecting = client.connect().then(() => {
      connected = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(connected).toBe(false);
    system.log.release();
    await connecting;
    await client.end();
  });

  test('that fails refuses new sessions, and ends one at its next statement, unexecuted', async () => {
    const client = await system.login();
    system.log.mode = 'failing';
    try {
      expect((await refusal(driver().connect())).code).toBe('58000');
      expect(await talk(client, [query('INSERT INTO t VALUES (3)')])).toEqual(['E 58000']);
    } finally {
      system.log.release();
    }
    expect(await rows()).toBe(2);
    const skipped = system.log.of('outcome', from).map(({ outcome }) => outcome.status);
    expect(skipped).toEqual(['skipped']);
  });

  test('that holds back one message of a pipeline holds back all behind it', async () => {
    const client = await system.login();
    system.log.mode = 'holding';
    client.write(Buffer.concat([query('INSERT INTO t VALUES (3)'), query('SELECT 1')].map(encode)));
    expect((await client.answer(0, 300)).messages).toEqual([]);
    expect(await rows()).toBe(2);
    system.log.release();
    const { messages } = await client.answer(2);
    expect(summary(messages)).toEqual(['C INSERT 0 1', 'Z I', 'T', 'D 1', 'C SELECT 1', 'Z I']);
    client.end();
  });
});

describe('ends', () => {
  test('a backend that is terminated says so to its client, and its open block is settled', async () => {
    const client = await system.login();
    await talk(client, [query('BEGIN'), query('INSERT INTO t VALUES (3)')]);
    await system.admin.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ $1',
      ['^sealrail:'],
    );
    const { error, closed } = await client.answer(1);
    expect(error?.code).toBe('57P01');
    expect(closed || (await client.answer(0)).closed).toBe(true);
    await expect
      .poll(() => system.log.of('outcome', from).at(-1))
      .toMatchObject({ outcome: { status: 'rolled_back' }, settles: 2 });
    expect(sessions().at(-1)).toBe('end ok 57P01');
  });

  test('draining ends idle sessions at once, and open blocks at their end or at the deadline', async () => {
    const gateway = await system.open({ mode: 'enforce' });
    const [idle, finishing, stuck] = [
      await system.login('svc', gateway),
      await system.login('svc', gateway),
      await system.login('svc', gateway),
    ];
    await talk(finishing, [query('BEGIN')]);
    await talk(stuck, [query('BEGIN')]);
    const closing = gateway.close(1_000);
    expect((await idle.answer(1)).error?.code).toBe('57P01');
    const finished = [query('INSERT INTO t VALUES (3)'), query('COMMIT')];
    const answers = await talk(finishing, finished, 3);
    expect(answers).toEqual(['C INSERT 0 1', 'Z T', 'C COMMIT', 'Z I', 'E 57P01']);
    expect((await stuck.answer(1)).error?.code).toBe('57P01');
    await closing;
    expect(gateway.sessions).toBe(0);
    expect(await rows()).toBe(3);
  });
});

describe('the upstream', () => {
  /** Stands before the server and can be switched off. */
  async function switched() {
    let on = true;
    const open = new Set<Socket>();
    const server = createServer((down) => {
      open.add(down);
      down.on('error', () => undefined);
      if (!on) {
        down.destroy();
        return;
      }
      const up = dial(system.postgres.port, '127.0.0.1');
      up.on('error', () => undefined);
      down.pipe(up).pipe(down);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const address = server.address();
    return {
      port: typeof address === 'object' && address ? address.port : 0,
      off: () => {
        on = false;
        for (const socket of open) socket.destroy();
      },
      close: () => server.close(),
    };
  }

  test('that goes away ends its sessions, and refuses new ones with 57P03', async () => {
    const line = await switched();
    const gateway = await system.open({ mode: 'enforce', upstreamPort: line.port });
    const client = await system.login('svc', gateway);
    expect(await talk(client, [query('SELECT 1')])).toContain('D 1');
    line.off();
    expect((await client.answer(1)).error?.code).toBe('57P01');
    const refused = await refusal(driver({}, gateway).connect());
    expect(refused).toMatchObject({ code: '57P03' });
    expect(refused.message).not.toMatch(/127\.0\.0\.1|password/);
    line.close();
  });

  test('that cannot be reached at the start refuses the start, and says which target', async () => {
    const line = await switched();
    line.off();
    await expect(system.open({ mode: 'enforce', upstreamPort: line.port })).rejects.toThrow(
      GatewayRefused,
    );
    line.close();
  });
});

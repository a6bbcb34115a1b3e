/** The API over a real log: what the console, the command line and strangers' tile readers rely on. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Entry } from '@sealrail/sdk';
import { hashing, verifySignature } from '@sealrail/tlog';
import { httpSource, verifyReceipt, verifyTree } from '@sealrail/tlog/verify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openShopLog, SHOP_STATEMENTS, type ShopLog } from '../../testing/shop-log.ts';
import { ACCESS_QUIET_MS, RECEIPTS_A_MINUTE_MAX } from './access.ts';
import {
  type Api,
  ApiUnavailable,
  type App,
  CONNECTIONS_MAX,
  createApp,
  EXPLAIN_BYTES_MAX,
  openApi,
} from './api.ts';
import type { EntryDetail, EntryPage } from './entries.ts';

let shop: ShopLog;
let app: App;
let api: Api;
let nowMs = Date.now();

const options = () => ({
  listen: { host: '127.0.0.1', port: 0 },
  log: shop.log,
  recorder: shop.recorder,
  logDir: shop.logDir,
  policies: () => shop.policies,
  targets: () => shop.targets,
  durability: 'sync',
  clock: () => nowMs,
});

beforeAll(async () => {
  shop = await openShopLog();
  for (let round = 0; round < 25; round++) {
    for (const statement of SHOP_STATEMENTS) await shop.act(statement);
  }
  await shop.signed();
  app = await createApp(options(), () => ({ host: '127.0.0.1', port: 7070 }));
  api = await openApi(options());
}, 60_000);

afterAll(async () => {
  app.close();
  await api.close();
  await shop.close();
});

const HOST = { host: '127.0.0.1:7070' };
const get = (path: string, headers: Record<string, string> = {}) =>
  app.app.request(path, { headers: { ...HOST, ...headers } });
const getJson = async <T>(path: string): Promise<T> => (await (await get(path)).json()) as T;
const settle = () =>
  shop.recorder.record({ kind: 'system', event: 'heartbeat', detail: {} }, {}).durable;
const page = (query: string) => getJson<EntryPage>(`/api/entries?${query}`);

describe('who may ask', () => {
  test('another name for this address is refused: it is a page that rebound its name', async () => {
    expect((await get('/api/status', { host: 'evil.example:7070' })).status).toBe(421);
    expect((await get('/api/status', { host: 'localhost:7070' })).status).toBe(200);
    expect((await get('/api/status', { host: '127.0.0.1:7071' })).status).toBe(421);
  });

  test.each([
    ['a page of another site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }],
    ['a page of another port here', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' }],
    ['an old browser that only names its origin', { origin: 'https://evil.example' }],
    ['a sandboxed frame', { origin: 'null' }],
    [
      'a link to data instead of to a page',
      {
        'sec-fetch-site': 'cross-site',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
      },
    ],
  ])('%s is refused', async (_name, headers) => {
    const answer = await get('/api/entries', headers);
    expect(answer.status).toBe(403);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
  });

  test('a link from another site may open a page, but no frame of it may', async () => {
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    const document = await get('/policies', { ...link, 'sec-fetch-dest': 'document' });
    expect(document.status).not.toBe(403);
    expect((await get('/policies', { ...link, 'sec-fetch-dest': 'iframe' })).status).toBe(403);
  });

  test('nothing is readable by other origins, and pages may neither be framed nor run what they show', async () => {
    for (const path of ['/api/status', '/log/checkpoint', '/']) {
      const { headers } = await get(path);
      expect(headers.get('access-control-allow-origin')).toBeNull();
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      expect(headers.get('content-security-policy')).not.toContain('unsafe');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  test('an address that other machines reach is not listened on', async () => {
    const listen = { host: '0.0.0.0', port: 0 };
    await expect(openApi({ ...options(), listen })).rejects.toThrow(ApiUnavailable);
  });

  test('a port that is taken is one sentence', async () => {
    const listen = { host: '127.0.0.1', port: Number(new URL(api.url).port) };
    await expect(openApi({ ...options(), listen })).rejects.toThrow(/is taken by another process/);
  });
});

describe('entries', () => {
  test('come newest first, page after page, to the very first', async () => {
    const seen: number[] = [];
    let before: number | undefined;
    do {
      const { entries, next } = await page(
        `limit=100${before === undefined ? '' : `&before=${before}`}`,
      );
      seen.push(...entries.map(({ index }) => index));
      before = next;
    } while (before !== undefined);
    const top = seen[0] ?? 0;
    expect(seen).toEqual(Array.from({ length: top + 1 }, (_, i) => top - i));
  });

  test.each<[string, (entry: Entry) => boolean]>([
    ['kind=outcome', ({ kind }) => kind === 'outcome'],
    ['kind=decision,access', ({ kind }) => kind === 'decision' || kind === 'access'],
    ['verdict=deny', (e) => e.kind === 'decision' && e.decision.verdict === 'deny'],
    ['principal=agent-1', ({ principal }) => principal?.id === 'agent-1'],
    ['action=sql.delete', (e) => e.kind === 'decision' && e.action === 'sql.delete'],
    ['target=shop&kind=decision', (e) => e.kind === 'decision' && e.target === 'shop'],
    [
      'policy=sql-unscoped-write',
      (e) => e.kind === 'decision' && e.decision.determining.includes('sql-unscoped-write'),
    ],
    [
      'resource=shop.public.payments',
      (e) => e.kind === 'decision' && e.resources.some(({ id }) => id === 'shop.public.payments'),
    ],
    ['q=GROUP%20by', (e) => e.kind === 'decision' && /GROUP BY/.test(e.statement ?? '')],
  ])('%s shows those and no others', async (query, fits) => {
    const all = (await page('limit=200')).entries.filter(({ entry }) => fits(entry));
    const { entries } = await page(`limit=200&${query}`);
    expect(entries.length).toBeGreaterThan(0);
    expect(entries.every(({ entry }) => fits(entry))).toBe(true);
    expect(entries.slice(0, all.length).map(({ index }) => index)).toEqual(
      all.map(({ index }) => index),
    );
  });

  test.each(['limit=0', 'limit=201', 'before=-1', 'kind=secret', 'verdict=maybe', 'q='])(
    '%s is refused with what is wrong',
    async (query) => {
      const answer = await get(`/api/entries?${query}`);
      expect(answer.status).toBe(400);
      expect(((await answer.json()) as { detail: string }).detail).toMatch(/→ at/);
    },
  );

  test('an allowed decision comes with its outcome, a denial has none', async () => {
    const { entries } = await page('kind=decision&limit=16');
    for (const { entry, outcome } of entries) {
      if (entry.kind !== 'decision') continue;
      const allowed = entry.decision.verdict === 'allow';
      expect(outcome?.outcome.status).toBe(allowed ? 'executed' : undefined);
    }
  });

  test('one is found by index and by id, with the exact text that was hashed', async () => {
    const { index, id } = await shop.act(SHOP_STATEMENTS[1] as (typeof SHOP_STATEMENTS)[number]);
    const byIndex = await getJson<EntryDetail>(`/api/entries/${index}`);
    for (const path of [`/api/entries/${id}`, `/api/entries/by-id/${id}`]) {
      expect((await getJson<EntryDetail>(path)).entry).toEqual(byIndex.entry);
    }
    const bytes = await shop.log.read(index);
    expect(byIndex.text).toBe(Buffer.from(bytes).toString('utf8'));
    expect(byIndex.entry.id).toBe(id);
  });

  test.each(['999999', '-1', '1e3', '01', 'x', '0198c0de-0000-7000-8000-000000000000', '..'])(
    'there is no entry %s',
    async (which) => {
      const answer = await get(`/api/entries/${which}`);
      expect(answer.status).toBe(404);
      expect(answer.headers.get('cache-control')).toBe('no-store');
    },
  );

  test('an entry is signed once the published checkpoint covers it, and durable before', async () => {
    const { index } = await shop.act(SHOP_STATEMENTS[0] as (typeof SHOP_STATEMENTS)[number]);
    const { signedSize } = await page('limit=1');
    const { state } = await getJson<EntryDetail>(`/api/entries/${index}`);
    if (signedSize <= index) expect(['durable', 'signed']).toContain(state);
    await shop.signed();
    expect((await getJson<EntryDetail>(`/api/entries/${index}`)).state).toBe('signed');
  });

  test('a damaged place in an old bundle is named, and everything around it still shows', async () => {
    const path = join(shop.logDir, 'tile/entries/000');
    const good = readFileSync(path);
    const bad = Buffer.from(good);
    const at = bad.indexOf('"id"');
    bad[at] = 0x00;
    writeFileSync(path, bad);
    try {
      const { entries, unreadable } = await page('before=3&limit=3');
      expect(unreadable.map(({ index }) => index)).toEqual([0]);
      expect(entries.map(({ index }) => index)).toEqual([2, 1]);
      const answer = await get('/api/entries/0');
      expect(answer.status).toBe(500);
      expect(((await answer.json()) as { detail: string }).detail).toMatch(
        /entry 0 cannot be read/,
      );
    } finally {
      writeFileSync(path, good);
    }
  });
});

describe('bounds', () => {
  const bounded = (scans: NonNullable<Parameters<typeof createApp>[0]['scans']>) =>
    createApp({ ...options(), scans }, () => ({ host: '127.0.0.1', port: 7070 }));
  const ask = async <T>({ app: asked }: App, path: string): Promise<T> =>
    (await (await asked.request(path, { headers: HOST })).json()) as T;

  test('a search ends at its bound, says so, and says where to go on', async () => {
    const small = await bounded({ scanMax: 10 });
    const found = await ask<EntryPage>(small, '/api/entries?before=40&q=no-such-thing');
    expect(found).toMatchObject({ entries: [], scanned: 10, bounded: true, next: 30 });
    const filled = await ask<EntryPage>(small, '/api/entries?before=40&limit=10');
    expect(filled).toMatchObject({ scanned: 10, bounded: false, next: 30 });
    const whole = await ask<EntryPage>(small, '/api/entries?before=10&q=no-such-thing');
    expect(whole).toMatchObject({ scanned: 10, bounded: false });
    expect(whole.next).toBeUndefined();
    small.close();
  });

  test('an outcome that is not in mind is looked for as far behind its decision as may be', async () => {
    // The first of all decisions is allowed, and its outcome is the entry right behind it.
    for (const [outcomeScanMax, status] of [
      [1, 'executed'],
      [0, undefined],
    ] as const) {
      const small = await bounded({ tailMax: 0, outcomeScanMax });
      const { outcome } = await ask<EntryDetail>(small, '/api/entries/0');
      expect(outcome?.outcome.status).toBe(status);
      small.close();
    }
  });

  test('findings are counted in what the start looked at, and it says since when', async () => {
    await shop.recorder.record(
      { kind: 'finding', rule: 'gap', severity: 'high', message: 'a test', about: [] },
      {},
    ).durable;
    await settle();
    const size = shop.log.size;
    for (const [tailMax, count] of [
      [2, 1],
      [1, 0],
    ] as const) {
      const small = await bounded({ tailMax });
      const { findings } = await ask<{ findings: object }>(small, '/api/status');
      expect(findings).toEqual({ count, since: size - tailMax });
      small.close();
    }
  });

  test('a text to explain may have as many bytes as the bound, and not one more', async () => {
    const explain = { gateways: new Map(), users: () => [], targets: () => [], guard: shop.guard };
    const explaining = await createApp({ ...options(), explain }, () => ({
      host: '127.0.0.1',
      port: 7070,
    }));
    const post = (bytes: number) => {
      const frame = JSON.stringify({ text: '', user: 'alice' });
      const text = 'x'.repeat(bytes - frame.length);
      const body = JSON.stringify({ text, user: 'alice' });
      return explaining.app.request('/api/explain', { method: 'POST', headers: HOST, body });
    };
    // There is no target here: that it is asked for one shows that the text was taken.
    expect((await post(EXPLAIN_BYTES_MAX)).status).toBe(404);
    expect((await post(EXPLAIN_BYTES_MAX + 1)).status).toBe(413);
    explaining.close();
  });

  test('as many sockets as may be are open at once, and one more is closed', async () => {
    const own = await openApi(options());
    const port = Number(new URL(own.url).port);
    const sockets = Array.from({ length: CONNECTIONS_MAX }, () => connect(port, '127.0.0.1'));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    const over = connect(port, '127.0.0.1');
    over.on('error', () => undefined);
    await once(over, 'close');
    const [last] = sockets.slice(-1);
    last?.write(`GET /api/status HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    const [answer] = last ? await once(last, 'data') : [];
    expect(String(answer)).toMatch(/^HTTP\/1\.1 200/);
    for (const socket of sockets) socket.destroy();
    await own.close();
  });
});

describe('the log itself', () => {
  test('verifies over HTTP with nothing but the key, also at the sizes before', async () => {
    const report = await verifyTree({
      source: httpSource(`${api.url}/log/`),
      vkey: shop.log.vkey,
      verifier: verifySignature,
      hashing,
    });
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ ok: true, rootMatches: true });
  });

  test('a partial tile is served in every width below what there is, and none beyond', async () => {
    await shop.signed();
    const size = shop.log.checkpoint().size;
    const index = Math.floor(size / 256);
    const width = size % 256;
    const name = String(index).padStart(3, '0');
    for (const level of ['0', 'entries']) {
      const whole = new Uint8Array(
        await (await get(`/log/tile/${level}/${name}.p/${width}`)).arrayBuffer(),
      );
      for (const part of [1, Math.ceil(width / 2), width]) {
        const answer = await get(`/log/tile/${level}/${name}.p/${part}`);
        expect(answer.headers.get('content-type')).toBe('application/octet-stream');
        expect(answer.headers.get('cache-control')).toContain('immutable');
        const bytes = new Uint8Array(await answer.arrayBuffer());
        expect(bytes).toEqual(whole.subarray(0, bytes.length));
        if (level === '0') expect(bytes.length).toBe(32 * part);
      }
      expect((await get(`/log/tile/${level}/${name}.p/${width + 1}`)).status).toBe(404);
      expect((await get(`/log/tile/${level}/000.p/7`)).status).toBe(200);
    }
  });

  test.each(['0/000.p/0', '0/000.p/256', '0/../checkpoint', '0/1', '99/000', 'entries/x000'])(
    'tile/%s is not there, and that is not cached',
    async (path) => {
      const answer = await app.app.request(
        new Request(`http://127.0.0.1:7070/log/tile/${path}`, { headers: HOST }),
      );
      expect(answer.status).toBe(404);
      expect(answer.headers.get('cache-control')).toBe('no-store');
    },
  );

  test('the checkpoint is text, and asked for anew each time', async () => {
    const { headers } = await get('/log/checkpoint');
    expect(headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-cache');
  });

  test('a receipt downloads, verifies on its own, and giving it out is an entry', async () => {
    const answer = await get('/api/receipts/3');
    expect(answer.headers.get('content-disposition')).toContain('entry-3.tlog-proof');
    const report = await verifyReceipt({
      receipt: new Uint8Array(await answer.arrayBuffer()),
      vkey: shop.log.vkey,
      verifier: verifySignature,
    });
    expect(report.ok).toBe(true);
    const { entries } = await page('kind=access&limit=1');
    expect(entries[0]?.entry).toMatchObject({ how: 'receipt', what: 'entry 3' });
    expect((await get('/api/receipts/999999')).status).toBe(404);
  });

  test('receipts up to the bound in a minute, one more is refused, a minute later they go on', async () => {
    nowMs += 120_000;
    for (let given = 0; given < RECEIPTS_A_MINUTE_MAX; given++) {
      expect((await get('/api/receipts/0')).status).toBe(200);
    }
    const refused = await get('/api/receipts/0');
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('60');
    nowMs += 60_000;
    expect((await get('/api/receipts/0')).status).toBe(200);
  });

  test('a client that polls leaves one entry in a while, which counts the others', async () => {
    nowMs += ACCESS_QUIET_MS;
    const count = async () => {
      // Entries keep the order of the calls: behind this one every earlier access is on disk.
      await settle();
      return (await page('kind=access&limit=200&q=pages')).entries.length;
    };
    await count();
    const before = await count();
    for (let polls = 0; polls < 20; polls++) await page('limit=1');
    expect(await count()).toBe(before);
    nowMs += ACCESS_QUIET_MS;
    await page('limit=1');
    await settle();
    const { entries } = await page('kind=access&limit=1&q=pages');
    expect(entries[0]?.entry).toMatchObject({
      what: expect.stringMatching(/^pages of entries, and 2\d times more before$/),
    });
  });

  test('the status says what is on disk, what is signed, and what cannot be known', async () => {
    const status = await getJson<Record<string, unknown>>('/api/status');
    expect(status).toMatchObject({
      origin: shop.log.origin,
      vkey: shop.log.vkey,
      size: shop.log.size,
      durability: 'sync',
      policySet: shop.policies.digest,
      findings: { since: 0 },
      rollback: expect.stringContaining('rollback of the whole machine is not detected'),
    });
    expect(status.checkpointAgeMs).toBeGreaterThanOrEqual(0);
  });
});

interface Event {
  readonly event: string;
  readonly id?: string;
  readonly data: { index: number; size: number; signedSize: number; entry: Entry };
}

/** Reads events until enough of one name came. */
async function events(body: ReadableStream<Uint8Array> | null, name: string, count: number) {
  const found: Event[] = [];
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    for (let cut = text.indexOf('\n\n'); cut >= 0; cut = text.indexOf('\n\n')) {
      const lines = text.slice(0, cut).split('\n');
      const fields = Object.fromEntries(
        lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      found.push({ ...fields, data: JSON.parse(fields.data ?? '') } as Event);
      text = text.slice(cut + 2);
      if (found.filter(({ event }) => event === name).length >= count) return found;
    }
  }
  return found;
}

describe('the stream', () => {
  const first = SHOP_STATEMENTS[0] as (typeof SHOP_STATEMENTS)[number];
  const entriesOf = (found: readonly Event[]) => found.filter(({ event }) => event === 'entry');

  test('gives every entry from an index on, old and new, in order', async () => {
    const from = shop.log.size - 5;
    const answer = await get(`/api/stream?from=${from}`);
    expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const reading = events(answer.body, 'entry', 7);
    await shop.act(first);
    const indices = entriesOf(await reading).map(({ data }) => data.index);
    expect(indices).toEqual(indices.map((_, i) => from + i));
  });

  test('resumes behind the last event that a client saw', async () => {
    const last = shop.log.size - 3;
    const answer = await get('/api/stream', { 'last-event-id': String(last) });
    const [event] = entriesOf(await events(answer.body, 'entry', 1));
    expect(event).toMatchObject({ id: String(last + 1), data: { index: last + 1 } });
  });

  test('filters as the pages do', async () => {
    const answer = await get(`/api/stream?from=${shop.log.size}&verdict=deny`);
    const reading = events(answer.body, 'entry', 1);
    for (const statement of SHOP_STATEMENTS.slice(0, 2)) await shop.act(statement);
    const [event] = entriesOf(await reading);
    expect(event?.data.entry).toMatchObject({ decision: { verdict: 'deny' } });
  });

  test('tells of a new checkpoint by itself', async () => {
    const { index } = await shop.act(first);
    const answer = await get('/api/stream');
    const found = await events(answer.body, 'checkpoint', 2);
    await answer.body?.cancel().catch(() => undefined);
    expect(found.at(-1)?.data.signedSize).toBeGreaterThan(index);
  });

  test('as many as may be are open at once, one more is refused, a closed one makes room', async () => {
    const small = await createApp({ ...options(), bounds: { streamsMax: 2 } }, () => ({
      host: '127.0.0.1',
      port: 7070,
    }));
    const open = () => small.app.request('/api/stream', { headers: HOST });
    const streams = [await open(), await open()];
    expect(streams.map(({ status }) => status)).toEqual([200, 200]);
    expect((await open()).status).toBe(503);
    await streams[0]?.body?.cancel();
    expect((await open()).status).toBe(200);
    small.close();
    expect(small.streams.open).toBe(0);
  });

  test('a client that asks for more of the past than one connection gives is told so', async () => {
    await settle();
    const small = await createApp({ ...options(), bounds: { catchUpMax: 10 } }, () => ({
      host: '127.0.0.1',
      port: 7070,
    }));
    const size = shop.log.size;
    const within = await small.app.request(`/api/stream?from=${size - 10}`, { headers: HOST });
    expect(entriesOf(await events(within.body, 'entry', 10))).toHaveLength(10);
    const beyond = await small.app.request(`/api/stream?from=${size - 11}`, { headers: HOST });
    const found = await events(beyond.body, 'lagging', 1);
    expect(entriesOf(found)).toHaveLength(10);
    expect(found.at(-1)).toMatchObject({ event: 'lagging', data: { from: size - 1 } });
    small.close();
  });

  test('a client that does not read falls out of the ring, costs one piece, and is told so', async () => {
    const small = await createApp(
      {
        ...options(),
        bounds: { catchUpMax: 0 },
        ring: { entriesMax: 8, bytesMax: 1 << 20 },
      },
      () => ({ host: '127.0.0.1', port: 7070 }),
    );
    const answer = await small.app.request('/api/stream', { headers: HOST });
    const reader = answer.body?.getReader();
    await reader?.read();
    for (let more = 0; more < 12; more++) await shop.act(first);
    let text = '';
    for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
      text += new TextDecoder().decode(read.value);
    }
    expect(text).toContain('event: lagging');
    expect(small.streams.open).toBe(0);
    small.close();
  });

  test('a socket that takes nothing is cut off, and its place is free again', async () => {
    const cut = await openApi({ ...options(), bounds: { stallMs: 200, streamsMax: 1 } });
    const { port } = new URL(cut.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.pause();
    socket.write(`GET /api/stream?from=0 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    // Enough for every buffer between here and there, again and again until it is noticed.
    const more = async () => {
      for (let i = 0; i < 40; i++) await shop.act(first);
      return (await fetch(`${cut.url}/api/stream`)).status;
    };
    await expect.poll(more, { timeout: 20_000 }).toBe(200);
    socket.destroy();
    await cut.close();
  });
});

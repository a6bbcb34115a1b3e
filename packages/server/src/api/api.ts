/**
 * The HTTP API of the daemon and the console's files. On the loopback address only: there is no login yet.
 * A page of another site must not be able to read it, so there is no CORS header on anything, the Host
 * header has to name this listener (DNS rebinding), and cross-site requests are refused.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from '@hono/node-server';
import type { Guard, PolicySet, Recorder } from '@sealrail/sdk';
import { type Log, parseTilePath, tilePath } from '@sealrail/tlog';
import { type Context, Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import { z } from 'zod';
import type { Address, PostgresTarget, User } from '../config/config.ts';
import type { Gateway } from '../gateway/postgres/gateway.ts';
import { EntryReader, PAGE_MAX } from './entries.ts';
import { explainSql } from './explain.ts';

/** Open streams at once, and entries that may wait for a slow one before it is ended. */
export const STREAMS_MAX = 64;
export const STREAM_BACKLOG_MAX = 2_000;
const STREAM_TICK_MS = 500;
const BODY_BYTES_MAX = 1 << 20;

export interface ApiOptions {
  readonly listen: Address;
  readonly log: Log;
  readonly recorder: Recorder;
  /** Folder of the tree, for tiles. */
  readonly logDir: string;
  readonly policies: () => PolicySet;
  readonly targets: () => readonly Pick<
    PostgresTarget,
    'name' | 'kind' | 'env' | 'mode' | 'listen'
  >[];
  readonly durability: string;
  readonly explain: {
    readonly gateways: ReadonlyMap<string, Gateway>;
    readonly users: () => readonly User[];
    readonly targets: () => readonly PostgresTarget[];
    readonly guard: Guard;
  };
}

export interface Api {
  readonly url: string;
  close(): Promise<void>;
}

const assets = fileURLToPath(new URL('../../assets', import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** RFC 9457. */
function problem(
  c: Context,
  status: 400 | 403 | 404 | 413 | 421 | 500 | 503,
  title: string,
  detail: string,
): Response {
  return c.body(JSON.stringify({ type: 'about:blank', title, status, detail }), status, {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
  });
}

const filters = z.object({
  before: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(50),
  kind: z.string().max(32).optional(),
  verdict: z.enum(['allow', 'hold', 'deny']).optional(),
  principal: z.string().max(256).optional(),
  target: z.string().max(256).optional(),
  action: z.string().max(64).optional(),
  q: z.string().max(256).optional(),
});

/** Names that this listener may be called by; anything else is somebody else's name for our address. */
function ownHosts({ host, port }: Address): ReadonlySet<string> {
  return new Set([`${host}:${port}`, `127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`]);
}

export function createApp(options: ApiOptions, entries: EntryReader, listen: () => Address): Hono {
  const { log } = options;
  const app = new Hono();
  const access = (how: 'stream' | 'search' | 'read' | 'receipt', what: string) => {
    options.recorder.record({ kind: 'access', how, what }, {}).durable.catch(() => undefined);
  };

  app.use(async (c, next) => {
    if (!ownHosts(listen()).has(c.req.header('host') ?? ''))
      return problem(c, 421, 'Misdirected Request', 'this is not the name of this console');
    const site = c.req.header('sec-fetch-site');
    if (
      site !== undefined &&
      !['same-origin', 'none'].includes(site) &&
      c.req.header('sec-fetch-mode') !== 'navigate'
    ) {
      return problem(c, 403, 'Forbidden', 'requests from other sites are refused');
    }
    await next();
    for (const [name, value] of Object.entries(PAGE_HEADERS)) c.res.headers.set(name, value);
    if (!c.res.headers.has('cache-control')) c.res.headers.set('cache-control', 'no-store');
    return undefined;
  });
  app.onError((error, c) => problem(c, 500, 'Internal Server Error', error.message));
  app.notFound((c) =>
    problem(c, 404, 'Not Found', `there is nothing at ${c.req.path.slice(0, 200)}`),
  );

  app.get('/api/status', (c) => {
    const { size } = log.checkpoint();
    return c.json({
      origin: log.origin,
      vkey: log.vkey,
      size: log.size,
      signedSize: size,
      durability: options.durability,
      policySet: options.policies().digest,
      targets: options.targets(),
      rollback: 'a rollback of the whole machine is not detected: no witness is configured',
    });
  });
  app.get('/api/policies', (c) => {
    const { digest, policies } = options.policies();
    return c.json({ digest, policies });
  });
  app.get('/api/entries', async (c) => {
    const query = filters.safeParse(c.req.query());
    if (!query.success) return problem(c, 400, 'Bad Request', z.prettifyError(query.error));
    const { before = log.size, limit, ...filter } = query.data;
    return c.json(await entries.list(before, limit, filter));
  });
  app.get('/api/entries/:which', async (c) => {
    const which = c.req.param('which');
    const index = /^[0-9]{1,15}$/.test(which)
      ? Number(which)
      : /^[0-9a-f-]{36}$/.test(which)
        ? await entries.indexOf(which)
        : undefined;
    if (index === undefined || index >= log.size)
      return problem(c, 404, 'Not Found', `there is no entry ${which.slice(0, 64)}`);
    return c.json(await entries.one(index));
  });
  app.get('/api/receipts/:index', async (c) => {
    const index = Number(c.req.param('index'));
    if (!Number.isSafeInteger(index) || index < 0 || index >= log.size)
      return problem(c, 404, 'Not Found', 'there is no such entry');
    access('receipt', `entry ${index}`);
    const receipt = Uint8Array.from(await log.receipt(index));
    return c.body(receipt, 200, {
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="entry-${index}.tlog-proof"`,
    });
  });
  app.post('/api/explain', async (c) => {
    const length = Number(c.req.header('content-length') ?? 0);
    if (length > BODY_BYTES_MAX)
      return problem(c, 413, 'Content Too Large', `at most ${BODY_BYTES_MAX} bytes`);
    const body = z
      .object({ text: z.string(), user: z.string(), target: z.string().optional() })
      .safeParse(await c.req.json().catch(() => undefined));
    if (!body.success) return problem(c, 400, 'Bad Request', z.prettifyError(body.error));
    const answer = explainSql(options.explain, body.data);
    return 'problem' in answer ? problem(c, 404, 'Not Found', answer.problem) : c.json(answer);
  });
  streamRoute(app, options, entries, () => access('stream', 'live'));
  treeRoutes(app, options);
  pageRoutes(app);
  return app;
}

function streamRoute(
  app: Hono,
  { log }: ApiOptions,
  entries: EntryReader,
  opened: () => void,
): void {
  let open = 0;
  app.get('/api/stream', (c) => {
    if (open >= STREAMS_MAX)
      return problem(c, 503, 'Service Unavailable', `${STREAMS_MAX} streams are open already`);
    const from =
      Number(c.req.header('last-event-id') ?? c.req.query('from') ?? log.size - 1) +
      (c.req.header('last-event-id') ? 1 : 0);
    if (!Number.isSafeInteger(from) || from < 0)
      return problem(c, 400, 'Bad Request', 'from is no index');
    opened();
    return streamSSE(c, async (stream) => {
      open++;
      const waiting: { index: number; text: string }[] = [];
      let wake: () => void = () => undefined;
      let lagging = false;
      let signed = -1;
      const stop = log.follow(from, (index, bytes) => {
        if (waiting.length >= STREAM_BACKLOG_MAX) lagging = true;
        else waiting.push({ index, text: Buffer.from(bytes).toString('utf8') });
        wake();
      });
      stream.onAbort(() => wake());
      try {
        while (!stream.aborted && !stream.closed && !lagging) {
          for (let next = waiting.shift(); next; next = waiting.shift()) {
            const data = JSON.stringify(entries.view(next.index, JSON.parse(next.text)));
            await stream.writeSSE({ id: String(next.index), event: 'entry', data });
          }
          const { size } = log.checkpoint();
          if (size !== signed) {
            signed = size;
            await stream.writeSSE({
              event: 'checkpoint',
              data: JSON.stringify({ size: log.size, signedSize: size }),
            });
          }
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, STREAM_TICK_MS);
            wake = () => {
              clearTimeout(timer);
              resolve();
            };
            if (waiting.length > 0) wake();
          });
        }
        if (lagging) await stream.writeSSE({ event: 'lagging', data: '{}' });
      } finally {
        open--;
        stop();
      }
    });
  });
}

/** c2sp.org/tlog-tiles: the tree as it stands on disk; partial tiles also as a prefix of wider ones. */
function treeRoutes(app: Hono, { log, logDir }: ApiOptions): void {
  const immutable = {
    'content-type': 'application/octet-stream',
    'cache-control': 'public, max-age=31536000, immutable',
  };
  app.get('/log/checkpoint', (c) =>
    c.body(Uint8Array.from(log.checkpoint().note), 200, {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-cache',
    }),
  );
  app.get('/log/tile/*', async (c) => {
    const path = c.req.path.slice('/log/'.length);
    const id = parseTilePath(path);
    if (!id) return problem(c, 404, 'Not Found', 'that is no path of a tile');
    const exact = await readFile(join(logDir, path)).catch(() => undefined);
    if (exact) return c.body(Uint8Array.from(exact), 200, immutable);
    const full = await readFile(join(logDir, tilePath({ ...id, width: 256 }))).catch(
      () => undefined,
    );
    if (!full) return problem(c, 404, 'Not Found', 'the log has no such tile');
    return c.body(Uint8Array.from(prefix(full, id.level, id.width)), 200, immutable);
  });
}

function prefix(full: Uint8Array, level: number | 'entries', width: number): Uint8Array {
  if (level !== 'entries') return full.subarray(0, width * 32);
  let at = 0;
  for (let entry = 0; entry < width; entry++)
    at += 2 + (((full[at] ?? 0) << 8) | (full[at + 1] ?? 0));
  return full.subarray(0, at);
}

/** The console's own routes are pages of one application; what is a file is a file. */
function pageRoutes(app: Hono): void {
  const page = (c: Context, name: string) => {
    try {
      const headers: Record<string, string> = {
        'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
      };
      return c.body(Uint8Array.from(readFileSync(join(assets, name))), 200, headers);
    } catch {
      return problem(c, 404, 'Not Found', `${name} is not part of this console`);
    }
  };
  for (const path of ['/', '/entries/:id', '/policies', '/integrity'])
    app.get(path, (c) => page(c, 'index.html'));
  app.get('/verify.html', (c) => page(c, 'verify.html'));
  app.get('/assets/:name{[A-Za-z0-9_.-]+}', (c) =>
    page(c, join('assets', c.req.param('name').replaceAll('..', ''))),
  );
}

export async function openApi(options: ApiOptions): Promise<Api> {
  const entries = new EntryReader(options.log);
  let bound = options.listen;
  const app = createApp(options, entries, () => bound);
  const server = await new Promise<Server>((resolve, reject) => {
    const started = serve(
      { fetch: app.fetch, hostname: options.listen.host, port: options.listen.port },
      ({ port }) => {
        bound = { ...options.listen, port };
        resolve(started as Server);
      },
    );
    started.once('error', (error: NodeJS.ErrnoException) => {
      const { host, port } = options.listen;
      reject(
        error.code === 'EADDRINUSE'
          ? new ApiUnavailable(`api.listen: ${host}:${port} is taken by another process`)
          : error,
      );
    });
  });
  return {
    url: `http://${bound.host}:${bound.port}`,
    close: async () => {
      entries.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

export class ApiUnavailable extends Error {}

/**
 * The HTTP API of the daemon and the console's files, on the loopback address: there is no login yet, so
 * `doorway.ts` keeps other sites' pages out. Reads only, but for `explain`, which executes nothing, and
 * `policy/apply`, decisions on approvals and the end of sessions, which ask who it is.
 */
import type { Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { type HttpBindings, serve } from '@hono/node-server';
import type { Guard, PolicySet, Recorder } from '@sealrail/sdk';
import type { Log } from '@sealrail/tlog';
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import type { Address, PostgresTarget, User } from '../config/config.ts';
import type { Gateway } from '../gateway/postgres/gateway.ts';
import { Accesses } from './access.ts';
import { type ApprovalsPort, approvalRoutes } from './approvals.ts';
import { boundedText, parseJson } from './body.ts';
import { doorway, isLoopback } from './doorway.ts';
import { EntryReader, PAGE_MAX, SCAN_BOUNDS, type ScanBounds } from './entries.ts';
import { explainSql } from './explain.ts';
import { Feed, type FeedBounds } from './feed.ts';
import { filterFields } from './filter.ts';
import { pageRoutes } from './pages.ts';
import { type ApplyPort, policyApplyRoute } from './policy-apply.ts';
import { problem, quoted } from './problem.ts';
import { Pump } from './pump.ts';
import { type SessionsPort, sessionRoutes } from './sessions.ts';
import { sizesOf, stateOf } from './states.ts';
import { statusOf, type TargetStatus } from './status.ts';
import { STREAM_BOUNDS, type StreamBounds, Streams } from './stream.ts';
import { tileRoutes } from './tiles.ts';

export const EXPLAIN_BYTES_MAX = 1 << 20;
/** Sockets of one listener, idle ones included. */
export const CONNECTIONS_MAX = 256;
const PAGE_DEFAULT = 50;

export interface ApiOptions {
  /** A loopback address; port 0 takes any that is free. */
  readonly listen: Address;
  readonly log: Log;
  readonly recorder: Recorder;
  /** Folder of the tree. */
  readonly logDir: string;
  readonly policies: () => Pick<PolicySet, 'digest' | 'policies'>;
  readonly targets: () => readonly TargetStatus[];
  readonly durability: string;
  readonly explain?: {
    readonly gateways: ReadonlyMap<string, Gateway>;
    readonly users: () => readonly User[];
    readonly targets: () => readonly PostgresTarget[];
    readonly guard: Guard;
  };
  /** Absent where nobody can change the policies by this API. */
  readonly apply?: ApplyPort;
  /** Absent where nothing is held for anybody to approve. */
  readonly approvals?: ApprovalsPort;
  /** Absent where there are no gateways. */
  readonly sessions?: SessionsPort;
  /** The built console; the package's own where it is left out. */
  readonly assetsDir?: string;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
  readonly bounds?: Partial<StreamBounds>;
  readonly scans?: Partial<ScanBounds>;
  readonly ring?: FeedBounds;
}

export interface Api {
  readonly url: string;
  close(): Promise<void>;
}

/** The routes without a port, and what runs behind them. */
export interface App {
  readonly app: Hono;
  readonly streams: Streams;
  close(): void;
}

export class ApiUnavailable extends Error {}

/** Throws ApiUnavailable where the address is taken or reachable from other machines. */
export async function openApi(options: ApiOptions): Promise<Api> {
  const { host, port } = options.listen;
  if (!isLoopback(host)) {
    throw new ApiUnavailable(
      `api.listen: ${host} is no loopback address, and there is no login yet`,
    );
  }
  let bound = options.listen;
  const { app, close } = await createApp(options, () => bound);
  const server = await new Promise<Server>((resolve, reject) => {
    const started = serve({ fetch: app.fetch, hostname: host, port }, (info) => {
      bound = { host, port: info.port };
      resolve(started as Server);
    });
    started.maxConnections = CONNECTIONS_MAX;
    started.once('error', (error: NodeJS.ErrnoException) => {
      close();
      const taken = `api.listen: ${host}:${port} is taken by another process`;
      reject(error.code === 'EADDRINUSE' ? new ApiUnavailable(taken) : error);
    });
  });
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound.port}`,
    close: async () => {
      close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

export async function createApp(options: ApiOptions, listen: () => Address): Promise<App> {
  const { log } = options;
  const clock = options.clock ?? Date.now;
  const entries = new EntryReader(log, options.logDir, { ...SCAN_BOUNDS, ...options.scans });
  const feed = new Feed(log.size, options.ring);
  await entries.lookBack();
  const pump = new Pump({ log, entries, feed });
  const bounds = { ...STREAM_BOUNDS, ...options.bounds };
  const parts: Parts = {
    ...options,
    clock,
    entries,
    accesses: new Accesses(options.recorder, clock),
    streams: new Streams({ log, feed, entries, bounds }),
  };
  const app = new Hono();
  app.use(doorway(listen));
  app.onError((error, c) => problem(c, 500, error.message));
  app.notFound((c) => problem(c, 404, `there is nothing at ${quoted(c.req.path)}`));
  logRoutes(app, parts);
  entryRoutes(app, parts);
  streamRoute(app, parts);
  explainRoute(app, options.explain);
  policyApplyRoute(app, options.apply);
  approvalRoutes(app, options.approvals);
  sessionRoutes(app, options.sessions);
  tileRoutes(app, log, options.logDir);
  pageRoutes(app, options.assetsDir ?? fileURLToPath(new URL('../../assets', import.meta.url)));
  return {
    app,
    streams: parts.streams,
    close: () => {
      pump.stop();
      parts.streams.close();
    },
  };
}

interface Parts extends ApiOptions {
  readonly clock: () => number;
  readonly entries: EntryReader;
  readonly accesses: Accesses;
  readonly streams: Streams;
}

function logRoutes(app: Hono, parts: Parts): void {
  const { log, logDir, durability, clock, entries } = parts;
  let failed: string | undefined;
  void log.failed.then(({ message }) => {
    failed = message;
  });
  app.get('/api/status', async (c) =>
    c.json(
      await statusOf({
        log,
        logDir,
        durability,
        policySet: parts.policies().digest,
        targets: parts.targets(),
        findings: entries.findings,
        failed,
        now: clock(),
      }),
    ),
  );
  app.get('/api/policies', (c) => {
    const { digest, policies } = parts.policies();
    return c.json({ digest, policies });
  });
  app.get('/api/checkpoint', (c) => {
    const { note, size } = log.checkpoint();
    return c.json({ size, note: new TextDecoder().decode(note) });
  });
}

const pageQuery = z.object({
  ...filterFields,
  before: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(PAGE_DEFAULT),
});
const INDEX = /^(0|[1-9][0-9]{0,14})$/;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function entryRoutes(app: Hono, { log, entries, accesses }: Parts): void {
  const badQuery = (c: Context, error: z.ZodError) => problem(c, 400, z.prettifyError(error));
  const one = async (c: Context, index: number | undefined, which: string) => {
    if (index === undefined || index >= log.size) {
      return problem(c, 404, `there is no entry ${quoted(which)}`);
    }
    accesses.note('read', 'entries');
    const found = await entries.one(index);
    if ('reason' in found) {
      return problem(c, 500, `entry ${index} cannot be read: ${found.reason}`);
    }
    return c.json(found);
  };

  app.get('/api/entries', async (c) => {
    const query = pageQuery.safeParse(c.req.query());
    if (!query.success) return badQuery(c, query.error);
    const { before = log.size, limit, ...filter } = query.data;
    accesses.note('search', 'pages of entries');
    return c.json(await entries.list(before, limit, filter));
  });
  app.get('/api/entries/by-id/:id', async (c) => {
    const id = c.req.param('id');
    return one(c, ID.test(id) ? await entries.indexOf(id) : undefined, id);
  });
  app.get('/api/entries/:which', async (c) => {
    const which = c.req.param('which');
    if (INDEX.test(which)) return one(c, Number(which), which);
    return one(c, ID.test(which) ? await entries.indexOf(which) : undefined, which);
  });
  app.get('/api/receipts/:index', async (c) => {
    const which = c.req.param('index');
    const index = Number(which);
    if (!INDEX.test(which) || index >= log.size) {
      return problem(c, 404, `there is no entry ${quoted(which)}`);
    }
    if (!(await accesses.receipt(index))) {
      return problem(c, 429, 'more receipts in a minute than are given out', {
        'retry-after': '60',
      });
    }
    // The strongest that there is of it now; witnesses are not waited for.
    const state = stateOf(index, sizesOf(log)) === 'witnessed' ? 'witnessed' : 'signed';
    return c.body(Uint8Array.from(await log.receipt(index, state)), 200, {
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="entry-${index}.tlog-proof"`,
    });
  });
}

const streamQuery = z.object({
  ...filterFields,
  from: z.coerce.number().int().min(0).optional(),
});

function streamRoute(app: Hono, { log, accesses, streams }: Parts): void {
  app.get('/api/stream', (c) => {
    const query = streamQuery.safeParse(c.req.query());
    if (!query.success) return problem(c, 400, z.prettifyError(query.error));
    const { from: wanted = log.size, ...filter } = query.data;
    const last = c.req.header('last-event-id');
    if (last !== undefined && !INDEX.test(last))
      return problem(c, 400, 'Last-Event-ID is no index');
    const from = Math.min(last === undefined ? wanted : Number(last) + 1, log.size);
    // Absent where the app runs without a port.
    const socket = (c.env as Partial<HttpBindings> | undefined)?.incoming?.socket;
    const body = streams.start(from, filter, () => socket?.destroy());
    if (!body) {
      return problem(c, 503, 'as many streams are open as may be', { 'retry-after': '5' });
    }
    accesses.note('stream', 'live');
    return c.body(body, 200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
  });
}

const explainBody = z.object({
  text: z.string(),
  user: z.string(),
  target: z.string().optional(),
});

function explainRoute(app: Hono, explain: ApiOptions['explain']): void {
  if (!explain) return;
  app.post('/api/explain', async (c) => {
    const text = await boundedText(c.req.raw, EXPLAIN_BYTES_MAX);
    if (text === undefined) return problem(c, 413, `at most ${EXPLAIN_BYTES_MAX} bytes`);
    const body = explainBody.safeParse(parseJson(text));
    if (!body.success) return problem(c, 400, z.prettifyError(body.error));
    const answer = explainSql(explain, body.data);
    return 'problem' in answer ? problem(c, 404, answer.problem) : c.json(answer);
  });
}

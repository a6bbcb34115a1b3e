/** c2sp.org/tlog-witness over HTTP: add-checkpoint, and the newest checkpoint of each log. */
import type { Server } from 'node:http';
import { serve } from '@hono/node-server';
import {
  ADD_CHECKPOINT_BYTES_MAX,
  addCheckpoint,
  encodeUtf8,
  formatVkey,
  sha256,
  toHex,
  verifySignature,
} from '@sealrail/tlog';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Address } from '../config/config.ts';
import type { WitnessConfig } from './config.ts';
import { type OpenWitnessStore, openWitnessStore } from './store.ts';

const CONNECTIONS_MAX = 256;
/** For a request from its first byte to its last. */
const REQUEST_MS_MAX = 10_000;
const TEXT = 'text/plain; charset=utf-8';

export interface RunningWitness {
  readonly url: string;
  close(): Promise<void>;
}

/** Throws ConfigError where its memory is missing or another key's, and EADDRINUSE of the address. */
export async function startWitness(config: WitnessConfig): Promise<RunningWitness> {
  const store = openWitnessStore(config.state, formatVkey(config.cosigner.key));
  try {
    const { server, address } = await listen(witnessApp(config, store), config.listen);
    const host = address.host.includes(':') ? `[${address.host}]` : address.host;
    return {
      url: `http://${host}:${address.port}`,
      close: async () => {
        server.closeAllConnections();
        await new Promise<void>((resolve) => server.close(() => resolve()));
        store.close();
      },
    };
  } catch (error) {
    store.close();
    throw error;
  }
}

function witnessApp({ cosigner, logs }: WitnessConfig, store: OpenWitnessStore): Hono {
  const app = new Hono();
  const origins = new Map(
    [...logs.keys()].map((origin) => [toHex(sha256(encodeUtf8(origin))), origin]),
  );
  const now = (): bigint => BigInt(Math.floor(Date.now() / 1_000));
  app.post(
    '/add-checkpoint',
    bodyLimit({
      maxSize: ADD_CHECKPOINT_BYTES_MAX,
      onError: (c) => c.text(`at most ${ADD_CHECKPOINT_BYTES_MAX} bytes\n`, 413),
    }),
    async (c) => {
      const request = new Uint8Array(await c.req.arrayBuffer());
      const { status, type, body } = await addCheckpoint(request, {
        cosigner,
        logs,
        store,
        now,
        verifier: verifySignature,
        sha256,
      });
      return c.body(body, status, { 'content-type': type });
    },
  );
  app.get('/:origin/checkpoint', (c) => {
    const kept = store.get(origins.get(c.req.param('origin')) ?? '');
    if (!kept)
      return c.text('nothing of this log was cosigned here\n', 404, {
        'cache-control': 'no-store',
      });
    return c.body(Uint8Array.from(kept.note), 200, {
      'content-type': TEXT,
      'cache-control': 'no-cache',
    });
  });
  app.notFound((c) => c.text('there is nothing here\n', 404));
  app.onError((error, c) => c.text(`${error.message}\n`, 500));
  return app;
}

function listen(
  app: Hono,
  { host, port }: Address,
): Promise<{ readonly server: Server; readonly address: Address }> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: host, port }, (info) => {
      resolve({ server, address: { host, port: info.port } });
    }) as Server;
    server.maxConnections = CONNECTIONS_MAX;
    server.requestTimeout = REQUEST_MS_MAX;
    server.once('error', reject);
  });
}

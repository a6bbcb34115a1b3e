/**
 * Keeps a snapshot of a database's catalog current, over a connection of its own. While the server cannot
 * be asked the snapshot grows old, and once it is too old nothing resolves: what depends on names is denied.
 */
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { Catalog } from '@sealrail/facts';
import pg from 'pg';
import { readCatalog, readFingerprint, readSeen, type Seen } from './catalog-snapshot.ts';
import { endpointOf } from './channel-binding.ts';
import { tlsOptions, type UpstreamAddress } from './dial.ts';
import { refuseUpstream } from './upstream-role.ts';

/** DDL that did not pass through this gateway is seen after at most this long; SECURITY.md names it. */
export const CATALOG_MS_MAX = 5_000;
/** Between two looks; an idle server is asked one cheap question each time. */
const LOOK_MS = 1_250;
const QUERY_MS_MAX = 10_000;

export interface CatalogReader {
  /** Undefined while the catalog is not known; its epoch rises with every change of its content. */
  current(): Catalog | undefined;
  /** Looks again; resolves when what was committed before the call is in the snapshot, or cannot be known. */
  refresh(): Promise<void>;
  readonly serverVersion: string;
  close(): Promise<void>;
}

/**
 * `address` is asked anew for each connection: the authority that the server's certificate is verified
 * against may change. `accept` names privileges that the role may have; throws where the server cannot be reached
 * or read.
 */
export async function openCatalog(
  address: () => UpstreamAddress,
  accept: readonly string[],
): Promise<CatalogReader | { readonly refused: string }> {
  const client = await connectOwn(address());
  try {
    const refused = await refuseUpstream(client, accept);
    if (refused !== undefined) {
      await client.end();
      return { refused };
    }
    const { rows } = await client.query<{ version: string }>(
      "SELECT current_setting('server_version') AS version",
    );
    const reader = new PolledCatalog(address, client, rows[0]?.version ?? '');
    await reader.start();
    return reader;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

/** The gateway's own connection for what it asks about the database itself. */
export async function connectOwn(address: UpstreamAddress): Promise<pg.Client> {
  const client = new pg.Client({
    ...address,
    // Said in any case: left out, the environment would decide.
    ssl: address.tls ? { ...tlsOptions(address), checkServerIdentity: bindIfPossible } : false,
    application_name: 'sealrail catalog',
    connectionTimeoutMillis: QUERY_MS_MAX,
    query_timeout: QUERY_MS_MAX,
  });
  /** The driver would ask for -PLUS with any certificate, and a server fails with one that has no hash. */
  function bindIfPossible(host: string, certificate: PeerCertificate): Error | undefined {
    const enableChannelBinding = endpointOf(certificate.raw) !== undefined;
    Object.assign(client, { enableChannelBinding });
    return checkServerIdentity(host, certificate);
  }
  // A connection that falls is noticed at the next query.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

class PolledCatalog implements CatalogReader {
  readonly serverVersion: string;
  readonly #address: () => UpstreamAddress;
  #client: pg.Client;
  #catalog: Catalog | undefined;
  #at: Seen | undefined;
  /** When the look that last found the snapshot to be true began. */
  #trueAtMs = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(address: () => UpstreamAddress, client: pg.Client, serverVersion: string) {
    this.#address = address;
    this.#client = client;
    this.serverVersion = serverVersion;
  }

  async start(): Promise<void> {
    await this.#look();
    this.#timer = setInterval(() => void this.refresh(), LOOK_MS);
    this.#timer.unref();
  }

  current(): Catalog | undefined {
    return performance.now() - this.#trueAtMs <= CATALOG_MS_MAX ? this.#catalog : undefined;
  }

  /** One look at a time; whoever asks during one waits for the next, which sees what is committed now. */
  refresh(): Promise<void> {
    if (!this.#looking) {
      this.#looking = this.#tryLook().finally(() => {
        this.#looking = undefined;
      });
      return this.#looking;
    }
    this.#next ??= this.#looking.then(() => {
      this.#next = undefined;
      return this.refresh();
    });
    return this.#next;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#looking;
    await this.#client.end().catch(() => undefined);
  }

  async #tryLook(): Promise<void> {
    if (this.#closed) return;
    try {
      await this.#look();
    } catch {
      // `current` forgets the snapshot when it is too old; the next look gets a connection of its own.
      await this.#reconnect().catch(() => undefined);
    }
  }

  async #look(): Promise<void> {
    const startedMs = performance.now();
    if (!(await this.#isUnchanged())) {
      // A search_path is a session's from its start on: only a new session has the role's present one.
      if (this.#catalog) await this.#reconnect();
      const { catalog, at } = await readCatalog(this.#client, (this.#catalog?.epoch ?? 0) + 1);
      this.#catalog = catalog;
      this.#at = at;
    }
    this.#trueAtMs = startedMs;
  }

  async #isUnchanged(): Promise<boolean> {
    const before = this.#at;
    if (!before) return false;
    if ((await readSeen(this.#client)) === before.seen) return true;
    const now = await readFingerprint(this.#client);
    if (now.fingerprint !== before.fingerprint) return false;
    this.#at = now;
    return true;
  }

  async #reconnect(): Promise<void> {
    const old = this.#client;
    this.#client = await connectOwn(this.#address());
    await old.end().catch(() => undefined);
    if (this.#closed) await this.#client.end();
  }
}

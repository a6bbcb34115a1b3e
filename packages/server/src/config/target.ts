/** A target of sealrail.yaml: whom clients connect to, and what stands behind it. */
import { formatAddress, isLoopback, parseAddress } from './address.ts';
import { clientTlsOf, type References, upstreamTlsOf } from './certificates.ts';
import type { Address, PostgresTarget } from './config.ts';
import type { RawTarget, RawUpstream } from './shape.ts';
import type { YamlSource } from './source.ts';

type Path = readonly PropertyKey[];

const NOWHERE: Address = { host: '', port: 0 };

/** An address that only this machine reaches; anything else is a problem, for the reason given. */
export function loopbackAddress(
  source: YamlSource,
  path: Path,
  given: { readonly text: string; readonly why: string; readonly hint?: string },
): Address {
  const address = listenAddress(source, path, given.text);
  if (address !== NOWHERE && !isLoopback(address.host))
    source.add(
      path,
      `${path.map(String).join('.')}: ${given.text} is reachable from other machines, and ${given.why}`,
      given.hint ?? `127.0.0.1:${address.port}, and a tunnel for others`,
    );
  return address;
}

function listenAddress(source: YamlSource, path: Path, text: string): Address {
  const address = parseAddress(text);
  if (address !== undefined) return address;
  const what = path.map(String).join('.');
  source.add(path, `${what} must be HOST:PORT, with a port from 1 to 65535`, '127.0.0.1:6432');
  return NOWHERE;
}

/** Other machines reach a gateway only through TLS: passwords are safe without it, data is not. */
function gatewayAddress(source: YamlSource, path: Path, raw: RawTarget): Address {
  if (raw.tls?.require) return listenAddress(source, path, raw.listen);
  const why = raw.tls ? 'tls.require is false' : 'the target has no tls';
  return loopbackAddress(source, path, {
    text: raw.listen,
    why,
    hint: raw.tls
      ? 'leave tls.require out'
      : 'tls: { cert: file:PATH, key: file:PATH }, or 127.0.0.1 and a tunnel for others',
  });
}

export async function targetOf(
  source: YamlSource,
  name: string,
  raw: RawTarget,
  references: References,
): Promise<PostgresTarget> {
  const path = ['targets', name];
  const listen = gatewayAddress(source, [...path, 'listen'], raw);
  const tls = raw.tls && (await clientTlsOf(source, [...path, 'tls'], raw.tls, references));
  const upstream = await upstreamOf(source, [...path, 'upstream'], raw.upstream, references);
  if (isLoopback(upstream.host) && upstream.port === listen.port)
    source.add(
      [...path, 'upstream', 'url'],
      `upstream.url leads back to this gateway (${formatAddress(listen)})`,
      'name the address of the database itself',
    );
  return {
    kind: raw.kind,
    name,
    env: raw.env,
    mode: raw.mode,
    listen,
    ...(tls && { tls }),
    upstream,
    classes: classesOf(source, [...path, 'classes'], raw.classes),
  };
}

async function upstreamOf(
  source: YamlSource,
  path: Path,
  raw: RawUpstream,
  references: References,
): Promise<PostgresTarget['upstream']> {
  const place = placeOf(source, [...path, 'url'], raw.url);
  const tls = isEncrypted(source, path, raw, place.host)
    ? { tls: await upstreamTlsOf(source, path, raw, references) }
    : {};
  if (raw.role !== undefined)
    source.add(
      [...path, 'role'],
      'upstream.role is not supported by this version',
      'leave it out: every principal uses the role of upstream.url',
    );
  const password =
    raw.password === undefined
      ? {}
      : { password: await references.secret([...path, 'password'], raw.password) };
  return { ...place, ...password, ...tls, accept: raw.accept };
}

type Place = Pick<PostgresTarget['upstream'], 'host' | 'port' | 'user' | 'database'>;

const POSTGRES_PORT = 5_432;
const URL_HINT = 'it looks like postgres://role@host:5432/database';

function placeOf(source: YamlSource, path: Path, text: string): Place {
  const nothing = { host: '', port: POSTGRES_PORT, user: '', database: '' };
  const problem = (message: string, hint = URL_HINT): Place => {
    source.add(path, message, hint);
    return nothing;
  };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url) return problem('upstream.url is no URL');
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:')
    return problem(`upstream.url begins with ${url.protocol}//`);
  if (url.password !== '')
    return problem(
      'upstream.url holds a password in clear',
      'write it as password: env:NAME, file:PATH or exec:PROGRAM, and change it: it was readable',
    );
  if (url.search !== '' || url.hash !== '')
    return problem('upstream.url has parameters, which would be ignored');
  const user = decoded(url.username);
  const database = decoded(url.pathname.slice(1));
  if (!url.hostname || !user || !database)
    return problem('upstream.url names no host, role or database');
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? POSTGRES_PORT : Number(url.port),
    user,
    database,
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Nobody's data crosses a network in clear without somebody having written it down. */
function isEncrypted(source: YamlSource, path: Path, raw: RawUpstream, host: string): boolean {
  const { tls = isLoopback(host) && raw.ca === undefined ? 'disable' : 'verify-full' } = raw;
  if (tls === 'disable' && raw.ca !== undefined)
    source.add(
      [...path, 'ca'],
      'upstream.ca verifies nothing where upstream.tls is disable',
      'leave one of them out',
    );
  return tls === 'verify-full';
}

/** `customers.email` is in the schema public, as it would be in SQL. */
function classesOf(
  source: YamlSource,
  path: Path,
  raw: RawTarget['classes'],
): Record<string, string[]> {
  const entries = Object.entries(raw).map(([dataClass, columns]) => {
    const qualified = columns.map((column, at) => {
      const parts = column.split('.');
      if ((parts.length !== 2 && parts.length !== 3) || parts.includes(''))
        source.add(
          [...path, dataClass, at],
          `${JSON.stringify(column)} names no column`,
          'table.column or schema.table.column',
        );
      return parts.length === 2 ? `public.${column}` : column;
    });
    return [dataClass, qualified] as const;
  });
  return Object.fromEntries(entries);
}

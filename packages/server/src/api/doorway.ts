/**
 * Who may talk to a console that has no login yet: programs on this machine and pages of this origin.
 *
 * There is deliberately no CORS header on anything here, the tiles included, although c2sp.org/tlog-tiles
 * asks for one on a public log: whoever browses the web from this machine would let any page read who did
 * what. A log that strangers may read is served from its folder by a file server of its own.
 */
import type { MiddlewareHandler } from 'hono';
import type { Address } from '../config/config.ts';
import { problem } from './problem.ts';

const HEADERS: Readonly<Record<string, string>> = {
  // What a page shows came from whoever sent the statement: nothing of it may run or load.
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
};

const LOOPBACK = /^(127(\.[0-9]{1,3}){3}|::1|\[::1\]|localhost)$/;

export const isLoopback = (host: string): boolean => LOOPBACK.test(host);

/** `listen` is asked at each request: a test listens on port 0 and learns its port later. */
export function doorway(listen: () => Address): MiddlewareHandler {
  return async (c, next) => {
    const names = ownNames(listen());
    // DNS rebinding: a page of evil.example whose name now leads here still sends its own name.
    if (!names.has(c.req.header('host')?.toLowerCase() ?? '')) {
      return problem(c, 421, 'this is not a name of this console: use its loopback address');
    }
    if (isForeign(c.req.raw, names)) {
      return problem(c, 403, 'requests from pages of other sites are refused');
    }
    await next();
    for (const [name, value] of Object.entries(HEADERS)) {
      if (!c.res.headers.has(name)) c.res.headers.set(name, value);
    }
    if (!c.res.headers.has('cache-control')) c.res.headers.set('cache-control', 'no-store');
    return undefined;
  };
}

function ownNames({ host, port }: Address): ReadonlySet<string> {
  const hosts = [host.includes(':') && !host.startsWith('[') ? `[${host}]` : host];
  const names = [...hosts, '127.0.0.1', 'localhost', '[::1]'];
  return new Set(
    names.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`])),
  );
}

/**
 * A browser says where a request comes from in one of two headers; what is no browser sends neither, and
 * is not what this defends against. Following a link to a page is fine, to data it is not.
 */
function isForeign(request: Request, names: ReadonlySet<string>): boolean {
  const origin = request.headers.get('origin');
  if (origin !== null && !names.has(origin.replace(/^https?:\/\//, '').toLowerCase())) return true;
  const site = request.headers.get('sec-fetch-site');
  if (site === null || site === 'same-origin' || site === 'none') return false;
  const isPage = !/^\/(api|log)\//.test(new URL(request.url).pathname);
  const follows =
    request.method === 'GET' &&
    request.headers.get('sec-fetch-mode') === 'navigate' &&
    request.headers.get('sec-fetch-dest') === 'document';
  return !(isPage && follows);
}

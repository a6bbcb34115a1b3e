/** The console's files. Its addresses are pages of one application; whatever has a name is a file. */
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Context, Hono } from 'hono';
import { problem, quoted } from './problem.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Vite puts a hash of the contents into these names. */
const HASHED = 'private, max-age=31536000, immutable';
const PAGES = ['/', '/entries/:id', '/approvals', '/policies', '/integrity'];

export function pageRoutes(app: Hono, assetsDir: string): void {
  const file = async (c: Context, name: string, headers: Record<string, string> = {}) => {
    const type = TYPES[extname(name)];
    const bytes = type && (await readFile(join(assetsDir, name)).catch(() => undefined));
    if (!bytes) return problem(c, 404, `${quoted(name)} is no part of this console`);
    return c.body(bytes, 200, { 'content-type': type, ...headers });
  };
  for (const path of PAGES) app.get(path, (c) => file(c, 'index.html'));
  // Meant to be carried to another machine: here it would be one more page from the log's own server.
  app.get('/verify.html', (c) =>
    file(c, 'verify.html', { 'content-disposition': 'attachment; filename="verify.html"' }),
  );
  app.get('/favicon.svg', (c) => file(c, 'favicon.svg'));
  app.get('/assets/:name{[A-Za-z0-9_-]+\\.[a-z0-9.]+}', (c) =>
    file(c, join('assets', c.req.param('name')), { 'cache-control': HASHED }),
  );
}

/** GET /api/sessions; POST /api/sessions/ID/kill, for whoever proves who they are. */
import type { Hono } from 'hono';
import { z } from 'zod';
import type { SessionView } from '../gateway/postgres/session-view.ts';
import type { EndAnswer, EndRequest } from '../sessions/end-session.ts';
import { boundedText, parseJson } from './body.ts';
import { problem, quoted } from './problem.ts';

export const KILL_BYTES_MAX = 4_096;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface SessionsPort {
  /** Oldest first. */
  readonly list: () => readonly SessionView[];
  readonly end: (request: EndRequest) => Promise<EndAnswer>;
}

const credentials = z.strictObject({ user: z.string().max(63), password: z.string().max(256) });

export function sessionRoutes(app: Hono, port: SessionsPort | undefined): void {
  if (!port) return;
  app.get('/api/sessions', (c) => c.json({ sessions: port.list() }));
  app.post('/api/sessions/:id/kill', async (c) => {
    // A form of another page could send any other type without asking first.
    if (c.req.header('content-type') !== 'application/json')
      return problem(c, 400, 'content-type must be application/json');
    const id = c.req.param('id');
    const unknown = `there is no session ${quoted(id)}`;
    if (!ID.test(id)) return problem(c, 404, unknown);
    const text = await boundedText(c.req.raw, KILL_BYTES_MAX);
    if (text === undefined) return problem(c, 413, `at most ${KILL_BYTES_MAX} bytes`);
    const body = credentials.safeParse(parseJson(text));
    if (!body.success) return problem(c, 400, z.prettifyError(body.error));
    const answer = await port.end({ id, ...body.data });
    switch (answer.kind) {
      case 'not-authenticated':
        return problem(c, 401, 'the name or the password is wrong');
      case 'unknown':
        return problem(c, 404, unknown);
      case 'refused':
      case 'ended':
        return c.json(answer);
    }
  });
}

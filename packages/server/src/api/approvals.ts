/** GET /api/approvals; POST /api/approvals/ID, which changes something, so whoever asks proves who they are. */
import type { Hono } from 'hono';
import { z } from 'zod';
import type { RulingAnswer, RulingRequest } from '../approvals/decide-request.ts';
import type { ApprovalRequest } from '../approvals/requests.ts';
import type { ApprovalView } from '../approvals/view.ts';
import { boundedText, parseJson } from './body.ts';
import { problem, quoted } from './problem.ts';

export const RULING_BYTES_MAX = 16_384;
export const REASON_LENGTH_MAX = 1_000;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface ApprovalsPort {
  /** Latest first. */
  readonly all: () => readonly ApprovalRequest[];
  readonly view: (request: ApprovalRequest) => ApprovalView;
  readonly decide: (request: RulingRequest) => Promise<RulingAnswer>;
}

/** What POST answers with 200; `not-authenticated` is 401 and `unknown` 404. */
export type RulingView =
  | Extract<RulingAnswer, { kind: 'denied' }>
  | (Pick<Extract<RulingAnswer, { kind: 'refused' }>, 'kind' | 'decisionId' | 'why' | 'reason'> & {
      readonly request: ApprovalView;
    })
  | { readonly kind: 'done'; readonly decisionId: string; readonly request: ApprovalView };

const ruling = z.strictObject({
  user: z.string().max(63),
  password: z.string().max(256),
  ruling: z.enum(['approve', 'deny']),
  reason: z
    .string()
    .max(REASON_LENGTH_MAX)
    .refine((text) => text.trim() !== '', { error: 'why? a reason has to be given' }),
});

export function approvalRoutes(app: Hono, port: ApprovalsPort | undefined): void {
  if (!port) return;
  app.get('/api/approvals', (c) => c.json({ approvals: port.all().map(port.view) }));
  app.post('/api/approvals/:id', async (c) => {
    // A form of another page could send any other type without asking first.
    if (c.req.header('content-type') !== 'application/json')
      return problem(c, 400, 'content-type must be application/json');
    const id = c.req.param('id');
    const unknown = `there is no request ${quoted(id)}`;
    if (!ID.test(id)) return problem(c, 404, unknown);
    const text = await boundedText(c.req.raw, RULING_BYTES_MAX);
    if (text === undefined) return problem(c, 413, `at most ${RULING_BYTES_MAX} bytes`);
    const body = ruling.safeParse(parseJson(text));
    if (!body.success) return problem(c, 400, z.prettifyError(body.error));
    const answer = await port.decide({ id, ...body.data });
    switch (answer.kind) {
      case 'not-authenticated':
        return problem(c, 401, 'the name or the password is wrong');
      case 'unknown':
        return problem(c, 404, unknown);
      case 'denied':
        return c.json(answer satisfies RulingView);
      case 'refused':
      case 'done': {
        const view = { ...answer, request: port.view(answer.request) };
        return c.json(view satisfies RulingView);
      }
    }
  });
}

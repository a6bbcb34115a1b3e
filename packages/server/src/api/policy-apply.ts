/** POST /api/policy/apply: the one thing here that changes anything, so whoever asks has to prove who they are. */
import type { Hono } from 'hono';
import { z } from 'zod';
import type { Applied, ApplyRequest } from '../policy/apply.ts';
import { POLICY_FILE } from '../policy/policy-folder.ts';
import { boundedText, parseJson } from './body.ts';
import { problem } from './problem.ts';

export const APPLY_BYTES_MAX = 16 << 20;
const FILES_MAX = 1_000;
const WHY_LENGTH_MAX = 1_000;

const applyBody = z.strictObject({
  user: z.string().max(63),
  password: z.string().max(256),
  files: z
    .array(z.strictObject({ name: z.string().regex(POLICY_FILE), text: z.string() }))
    .min(1)
    .max(FILES_MAX)
    .refine((files) => new Set(files.map(({ name }) => name)).size === files.length, {
      error: 'two files have the same name',
    }),
  why: z.string().max(WHY_LENGTH_MAX),
  from: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  rollback: z.boolean(),
});

export type ApplyPort = (request: ApplyRequest) => Promise<Applied>;

export function policyApplyRoute(app: Hono, apply: ApplyPort | undefined): void {
  if (!apply) return;
  app.post('/api/policy/apply', async (c) => {
    // A form of another page could send any other type without asking first.
    if (c.req.header('content-type') !== 'application/json')
      return problem(c, 400, 'content-type must be application/json');
    const text = await boundedText(c.req.raw, APPLY_BYTES_MAX);
    if (text === undefined) return problem(c, 413, `at most ${APPLY_BYTES_MAX} bytes`);
    const body = applyBody.safeParse(parseJson(text));
    if (!body.success) return problem(c, 400, z.prettifyError(body.error));
    const applied = await apply(body.data);
    if (applied.kind === 'not-authenticated')
      return problem(c, 401, 'the name or the password is wrong');
    return c.json(applied);
  });
}

/** The one door to other people's yes: nothing that is malformed, too long or unexplained gets as far as a password. */
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import type { RulingRequest } from '../approvals/decide-request.ts';
import { approvalRoutes, REASON_LENGTH_MAX, RULING_BYTES_MAX } from './approvals.ts';

const ID = '01931234-5678-7abc-8def-0123456789ab';

function appWith(asked: RulingRequest[]): Hono {
  const app = new Hono();
  approvalRoutes(app, {
    all: () => [],
    view: () => {
      throw new Error('there is nothing to show');
    },
    decide: async (request) => {
      asked.push(request);
      return { kind: 'not-authenticated' };
    },
  });
  return app;
}

const ruling = { user: 'ann', password: 'guess', ruling: 'approve', reason: 'looked at it' };

test.each<[string, string, string, number]>([
  ['of another type', 'text/plain', JSON.stringify(ruling), 400],
  ['that is no JSON', 'application/json', '{', 400],
  ['without a reason', 'application/json', JSON.stringify({ ...ruling, reason: ' \n' }), 400],
  [
    'that is neither a yes nor a no',
    'application/json',
    JSON.stringify({ ...ruling, ruling: 'maybe' }),
    400,
  ],
  [
    'with a member that nobody knows',
    'application/json',
    JSON.stringify({ ...ruling, force: true }),
    400,
  ],
  [
    'with too long a reason',
    'application/json',
    JSON.stringify({ ...ruling, reason: 'x'.repeat(REASON_LENGTH_MAX + 1) }),
    400,
  ],
  ['of too many bytes', 'application/json', ' '.repeat(RULING_BYTES_MAX + 1), 413],
])('a body %s is refused before anybody is asked', async (_what, type, body, status) => {
  const asked: RulingRequest[] = [];
  const headers = { 'content-type': type };
  const answer = await appWith(asked).request(`/api/approvals/${ID}`, {
    method: 'POST',
    headers,
    body,
  });
  expect(answer.status).toBe(status);
  expect(asked).toEqual([]);
});

test('one at the bounds is decided on, and an id that is none is not', async () => {
  const asked: RulingRequest[] = [];
  const headers = { 'content-type': 'application/json' };
  const text = JSON.stringify({ ...ruling, reason: 'x'.repeat(REASON_LENGTH_MAX) });
  const body = text + ' '.repeat(RULING_BYTES_MAX - text.length);
  const app = appWith(asked);
  expect(
    (await app.request(`/api/approvals/${ID}`, { method: 'POST', headers, body })).status,
  ).toBe(401);
  expect(asked).toMatchObject([{ id: ID, ruling: 'approve' }]);
  expect((await app.request('/api/approvals/1', { method: 'POST', headers, body })).status).toBe(
    404,
  );
  expect(asked.length).toBe(1);
});

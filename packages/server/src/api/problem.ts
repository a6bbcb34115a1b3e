/** Errors as RFC 9457 has them: one shape for people and programs. */
import type { Context } from 'hono';

const TITLES = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  413: 'Content Too Large',
  421: 'Misdirected Request',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
} as const;

export type ProblemStatus = keyof typeof TITLES;

/** What a detail may repeat of a request: a long path is not echoed back whole. */
const QUOTED_CHARACTERS_MAX = 120;

export const quoted = (text: string): string =>
  text.length > QUOTED_CHARACTERS_MAX ? `${text.slice(0, QUOTED_CHARACTERS_MAX)}…` : text;

/** Never cached (c2sp.org/tlog-tiles asks it of a 404): what is not there now may be there in a second. */
export function problem(
  c: Context,
  status: ProblemStatus,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const body = JSON.stringify({ type: 'about:blank', title: TITLES[status], status, detail });
  return c.body(body, status, {
    ...headers,
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
  });
}

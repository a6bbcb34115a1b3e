/** What somebody is told who is not let in, whatever the reason was. */
import { UpstreamError } from './dial.ts';
import { ProtocolError } from './frame.ts';
import { ClientGone } from './incoming.ts';
import { Refusal } from './startup.ts';

/** Codes of the upstream that are as true for the client; any other is about our own credential. */
const UPSTREAM_CODES = new Set(['53300', '57P01', '57P02', '57P03']);

export function refusalOf(error: unknown): {
  code: string;
  message: string;
  hint?: string | undefined;
} {
  if (error instanceof Refusal) return error;
  if (error instanceof ProtocolError) return { code: '08P01', message: error.message };
  if (error instanceof ClientGone) return { code: '08006', message: error.message };
  const code = error instanceof UpstreamError ? error.code : '57P03';
  return {
    code: UPSTREAM_CODES.has(code) ? code : '57P03',
    message: 'the database cannot be reached at the moment',
  };
}

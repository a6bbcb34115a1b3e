/** A tree behind HTTP: any file server, a bucket, or the log's own API. */
import { concat } from '../bytes.ts';
import { TlogError } from '../errors.ts';
import { FILE_BYTES_MAX, type TreeSource } from './source.ts';

export const HTTP_TIMEOUT_MS = 30_000;

/** The address under which `checkpoint` and `tile/` stand. */
export function httpSource(address: string, fetchFile: typeof fetch = fetch): TreeSource {
  const base = address.endsWith('/') ? address : `${address}/`;
  return {
    async get(path) {
      const url = new URL(path, base);
      try {
        const answer = await fetchFile(url, { signal: AbortSignal.timeout(HTTP_TIMEOUT_MS) });
        if (answer.status === 404 || answer.status === 410) return undefined;
        if (answer.status !== 200) throw new Error(`status ${answer.status}`);
        return await readBounded(answer);
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new TlogError('SOURCE_UNAVAILABLE', `couldn't fetch ${url.href}: ${reason}`, {
          cause,
          hint: 'nothing was found out about the log: try again, or verify a copy of its folder',
        });
      }
    },
  };
}

/** Stops at the largest file that a tree can have: a server could send for ever. */
async function readBounded(answer: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > FILE_BYTES_MAX) break;
  }
  return concat(...chunks);
}

/** How the daemon reaches witnesses: bounded in time and size, following nothing. */
import type { WitnessHttp, WitnessResponse } from '@sealrail/tlog';

const ANSWER_MS_MAX = 5_000;
/** A checkpoint with the cosignatures of a hundred witnesses has about 20 KB. */
const ANSWER_BYTES_MAX = 256 << 10;

export const witnessHttp: WitnessHttp = {
  post: (url, body) => ask(url, { method: 'POST', body: Uint8Array.from(body) }),
  get: (url) => ask(url, { method: 'GET' }),
};

async function ask(url: string, init: RequestInit): Promise<WitnessResponse> {
  const response = await fetch(url, {
    ...init,
    // A redirect would lead the request to somebody whom nobody named.
    redirect: 'error',
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  }).catch((error: Error & { cause?: { code?: string } }) => {
    throw new Error(error.cause?.code ?? error.message, { cause: error });
  });
  const retryAfterMs = retryAfter(response.headers.get('retry-after'));
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    body: await bodyOf(response),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

async function bodyOf(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`it answers more than ${ANSWER_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const RETRY_SECONDS_MAX = 3_600;

function retryAfter(header: string | null): number | undefined {
  if (header === null || !/^[0-9]{1,9}$/.test(header)) return undefined;
  return Math.min(Number(header), RETRY_SECONDS_MAX) * 1_000;
}

import { describe, expect, test, vi } from 'vitest';
import { HTTP_TIMEOUT_MS, httpSource } from './http.ts';
import { FILE_BYTES_MAX } from './source.ts';

const answering =
  (answer: (url: string) => Response): typeof fetch =>
  async (input) =>
    answer(String(input));

describe('a tree behind HTTP', () => {
  test('stands below its address, with or without a slash at the end', async () => {
    for (const address of ['https://example.com/logs/a', 'https://example.com/logs/a/']) {
      const asked: string[] = [];
      const source = httpSource(
        address,
        answering((url) => {
          asked.push(url);
          return new Response('x');
        }),
      );
      expect(await source.get('tile/0/000')).toHaveLength(1);
      expect(asked).toEqual(['https://example.com/logs/a/tile/0/000']);
    }
  });

  test('has no file where the server says so, and is unavailable where it says anything else', async () => {
    const status = (code: number) =>
      httpSource(
        'https://example.com',
        answering(() => new Response(null, { status: code })),
      ).get('checkpoint');
    for (const code of [404, 410]) expect(await status(code)).toBeUndefined();
    for (const code of [206, 301, 403, 429, 500])
      await expect(status(code)).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
  });

  test('is not waited for longer than HTTP_TIMEOUT_MS', async () => {
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(AbortSignal.abort());
    const silent: typeof fetch = async (_, init) => {
      init?.signal?.throwIfAborted();
      return new Response('x');
    };
    const reading = httpSource('https://example.com', silent).get('checkpoint');
    await expect(reading).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
    expect(timeout).toHaveBeenCalledWith(HTTP_TIMEOUT_MS);
    timeout.mockRestore();
  });

  test('is not read for ever: a body ends past the largest file that a tree has', async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 1 << 20;
        controller.enqueue(new Uint8Array(1 << 20));
      },
    });
    const source = httpSource(
      'https://example.com',
      answering(() => new Response(endless)),
    );
    const bytes = await source.get('tile/entries/000');
    expect(bytes?.length).toBeGreaterThan(FILE_BYTES_MAX);
    expect(sent).toBeLessThan(FILE_BYTES_MAX + (4 << 20));
  });
});

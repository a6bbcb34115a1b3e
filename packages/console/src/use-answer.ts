import { useCallback, useEffect, useState } from 'react';
import { get, reasonOf } from './data.ts';

export interface Answer<T> {
  readonly data?: T;
  readonly problem?: string;
  readonly ask: () => void;
}

/** What the API answers for a path: the last good answer stays while a newer one is fetched or fails. */
export function useAnswer<T>(path: string, everyMs?: number): Answer<T> {
  const [answer, setAnswer] = useState<{ path: string; data?: T; problem?: string }>({ path });
  const [asked, setAsked] = useState(0);
  const ask = useCallback(() => setAsked((before) => before + 1), []);

  useEffect(() => {
    const abort = new AbortController();
    const fetchOnce = () =>
      get<T>(path, abort.signal).then(
        (data) => setAnswer({ path, data }),
        (error: unknown) => {
          if (abort.signal.aborted) return;
          const problem = reasonOf(error);
          setAnswer((before) =>
            before.path === path ? { ...before, problem } : { path, problem },
          );
        },
      );
    // `asked` is only here to start another round.
    if (asked >= 0) void fetchOnce();
    const timer = everyMs === undefined ? undefined : setInterval(fetchOnce, everyMs);
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }, [path, everyMs, asked]);

  const { data, problem } = answer.path === path ? answer : { data: undefined, problem: undefined };
  return {
    ask,
    ...(data === undefined ? {} : { data }),
    ...(problem === undefined ? {} : { problem }),
  };
}

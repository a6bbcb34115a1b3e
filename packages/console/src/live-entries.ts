/** Entries of the live page: the newest ones by request, later ones as they become durable. */
import { useEffect, useRef, useState } from 'react';
import { get, type View } from './data.ts';

/** Rows kept in the page; older ones are a request away. */
const ROWS_MAX = 2_000;
const PAGE = 100;

export interface Live {
  readonly rows: readonly View[];
  /** Entries that arrived while the reader was further down. */
  readonly waiting: number;
  readonly state: 'loading' | 'live' | 'reconnecting' | 'failed';
  readonly error: string | undefined;
  readonly more: number | undefined;
  show(): void;
  older(): void;
}

function fits({ entry }: View, filter: Readonly<Record<string, string>>): boolean {
  return (
    (!filter.kind || entry.kind === filter.kind) &&
    (!filter.verdict || entry.decision?.verdict === filter.verdict) &&
    (!filter.principal || entry.principal?.id === filter.principal) &&
    (!filter.target || entry.target === filter.target) &&
    (!filter.action || entry.action === filter.action) &&
    (!filter.q || JSON.stringify(entry).toLowerCase().includes(filter.q.toLowerCase()))
  );
}

export function useLive(filter: Readonly<Record<string, string>>, following: boolean): Live {
  const [rows, setRows] = useState<readonly View[]>([]);
  const [held, setHeld] = useState<readonly View[]>([]);
  const [state, setState] = useState<Live['state']>('loading');
  const [error, setError] = useState<string>();
  const [more, setMore] = useState<number>();
  const follow = useRef(following);
  follow.current = following;
  const key = JSON.stringify(filter);

  useEffect(() => {
    const wanted = JSON.parse(key) as Record<string, string>;
    const abort = new AbortController();
    let stream: EventSource | undefined;
    setState('loading');
    setHeld([]);
    const start = async () => {
      const { entries, next } = await get<{ entries: View[]; next?: number }>(
        `/api/entries?${new URLSearchParams({ ...wanted, limit: String(PAGE) })}`,
        abort.signal,
      );
      const { size } = await get<{ size: number }>('/api/status', abort.signal);
      setRows(entries);
      setMore(next);
      setError(undefined);
      const from =
        entries.length > 0 && Object.keys(wanted).length === 0
          ? (entries[0]?.index ?? 0) + 1
          : size;
      stream = new EventSource(`/api/stream?from=${from}`);
      stream.onopen = () => setState('live');
      stream.onerror = () => setState('reconnecting');
      stream.addEventListener('entry', (event) => {
        const view = JSON.parse((event as MessageEvent<string>).data) as View;
        if (view.entry.kind === 'outcome')
          setRows((before) => before.map((row) => withOutcome(row, view)));
        if (!fits(view, wanted)) return;
        if (follow.current)
          setRows((before) =>
            before[0] && before[0].index >= view.index
              ? before
              : [view, ...before].slice(0, ROWS_MAX),
          );
        else setHeld((before) => [view, ...before].slice(0, ROWS_MAX));
      });
      stream.addEventListener('checkpoint', (event) => {
        const { signedSize } = JSON.parse((event as MessageEvent<string>).data) as {
          signedSize: number;
        };
        const sign = (row: View): View =>
          row.state === 'durable' && row.index < signedSize ? { ...row, state: 'signed' } : row;
        setRows((before) => (before.some((row) => row !== sign(row)) ? before.map(sign) : before));
      });
    };
    start().catch((failure: unknown) => {
      if (abort.signal.aborted) return;
      setState('failed');
      setError(failure instanceof Error ? failure.message : String(failure));
    });
    return () => {
      abort.abort();
      stream?.close();
    };
  }, [key]);

  return {
    rows,
    waiting: held.length,
    state,
    error,
    more,
    show: () => {
      setRows((before) => [...held, ...before].slice(0, ROWS_MAX));
      setHeld([]);
    },
    older: () => {
      if (more === undefined) return;
      get<{ entries: View[]; next?: number }>(
        `/api/entries?${new URLSearchParams({ ...filter, before: String(more), limit: String(PAGE) })}`,
      ).then(
        ({ entries, next }) => {
          setRows((before) => [...before, ...entries]);
          setMore(next);
        },
        (failure: unknown) => setError(String(failure)),
      );
    },
  };
}

function withOutcome(row: View, { index, entry }: View): View {
  if (row.entry.id !== entry.decisionId || row.entry.kind !== 'decision') return row;
  const raw = entry as unknown as View['outcome'] & object;
  return {
    ...row,
    outcome: {
      index,
      outcome: raw.outcome,
      durationUs: raw.durationUs,
      ...(raw.rows === undefined ? {} : { rows: raw.rows }),
    },
  };
}

/** The address is the whole state of the page: what is open, and what is filtered. */
import { useSyncExternalStore } from 'react';

export interface Route {
  readonly page: 'live' | 'policies' | 'integrity';
  /** An entry's index or id. */
  readonly entry?: string;
  readonly filter: Readonly<Record<string, string>>;
}

export const FILTERS = ['kind', 'verdict', 'principal', 'target', 'action', 'q'] as const;

function parse(): Route {
  const { pathname, search } = window.location;
  const query = new URLSearchParams(search);
  const filter = Object.fromEntries(
    FILTERS.flatMap((name) => (query.get(name) ? [[name, query.get(name) ?? '']] : [])),
  );
  const [, first = '', second] = pathname.split('/');
  if (first === 'policies' || first === 'integrity') return { page: first, filter };
  return { page: 'live', filter, ...(first === 'entries' && second ? { entry: second } : {}) };
}

let current = parse();
const listeners = new Set<() => void>();
const changed = () => {
  current = parse();
  for (const listener of listeners) listener();
};
window.addEventListener('popstate', changed);

export function go(to: string): void {
  if (to === window.location.pathname + window.location.search) return;
  window.history.pushState(null, '', to);
  changed();
}

export function link(
  entry: string | number | undefined,
  filter: Readonly<Record<string, string>>,
): string {
  const query = new URLSearchParams(filter).toString();
  return `${entry === undefined ? '/' : `/entries/${entry}`}${query === '' ? '' : `?${query}`}`;
}

export function useRoute(): Route {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}

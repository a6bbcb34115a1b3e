/** The address is the whole state of the page: what is open, and what is filtered. */
import { type MouseEvent, useSyncExternalStore } from 'react';

export const FILTERS = [
  'kind',
  'verdict',
  'principal',
  'action',
  'resource',
  'policy',
  'target',
  'session',
  'q',
] as const;
export type FilterName = (typeof FILTERS)[number];
export type Filter = Readonly<Partial<Record<FilterName, string>>>;

export interface Route {
  readonly page: 'live' | 'approvals' | 'policies' | 'integrity';
  /** An entry's index or id. */
  readonly entry?: string;
  readonly filter: Filter;
}

function parse(): Route {
  const { pathname, search } = window.location;
  const query = new URLSearchParams(search);
  const filter = Object.fromEntries(
    FILTERS.flatMap((name) => (query.get(name) ? [[name, query.get(name) ?? '']] : [])),
  );
  const [, first = '', second] = pathname.split('/');
  if (first === 'approvals' || first === 'policies' || first === 'integrity')
    return { page: first, filter };
  return { page: 'live', filter, ...(first === 'entries' && second ? { entry: second } : {}) };
}

let current = parse();
const listeners = new Set<() => void>();
const changed = () => {
  current = parse();
  for (const listener of listeners) listener();
};
window.addEventListener('popstate', changed);

export function go(to: string, how: 'push' | 'replace' = 'push'): void {
  if (to === window.location.pathname + window.location.search) return;
  if (how === 'push') window.history.pushState(null, '', to);
  else window.history.replaceState(null, '', to);
  changed();
}

export function link(entry: string | number | undefined, filter: Filter): string {
  const query = new URLSearchParams(filter as Record<string, string>).toString();
  return `${entry === undefined ? '/' : `/entries/${entry}`}${query === '' ? '' : `?${query}`}`;
}

/** Without the name where the value is empty. */
export function withFilter(filter: Filter, name: FilterName, value: string): Filter {
  const { [name]: _, ...rest } = filter;
  return value === '' ? rest : { ...rest, [name]: value };
}

/** A plain click stays in the page; every other one is the browser's. */
export function follow(event: MouseEvent<HTMLAnchorElement>): void {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const { pathname, search } = new URL(event.currentTarget.href);
  go(pathname + search);
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

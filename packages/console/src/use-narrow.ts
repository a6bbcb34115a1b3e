import { useSyncExternalStore } from 'react';

/** Kept equal to the breakpoint in style.css: below it the live page has two-line rows. */
const query = window.matchMedia('(max-width: 760px)');

export function useNarrow(): boolean {
  return useSyncExternalStore(
    (listener) => {
      query.addEventListener('change', listener);
      return () => query.removeEventListener('change', listener);
    },
    () => query.matches,
  );
}

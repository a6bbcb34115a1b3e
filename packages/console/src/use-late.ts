import { useEffect, useState } from 'react';

/** Below this a wait is not shown: what flashes by only disturbs. */
export const PATIENCE_MS = 200;

/** True once something has been going on for longer than a person takes for immediate. */
export function useLate(waiting: boolean): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (!waiting) {
      setLate(false);
      return undefined;
    }
    const timer = setTimeout(() => setLate(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [waiting]);
  return late;
}

/**
 * Records that many actions have in common: frozen through and through, so that what is once known of one
 * (that it fits the schema, which entities it names, its canonical text) holds for as long as it lives.
 */

const shared = new WeakSet<object>();

/** Freezes it with everything in it. A surface that builds facts once and uses them often says so by this. */
export function shareRecord<T extends object>(record: T): T {
  freeze(record);
  shared.add(record);
  return record;
}

export const isShared = (value: object): boolean => shared.has(value);

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const member of Object.values(value)) freeze(member);
}

/** What is once computed of a shared object, and anew of every other. */
export function rememberShared<K extends object, V>(compute: (of: K) => V): (of: K) => V {
  const known = new WeakMap<K, V>();
  return (of) => {
    const found = known.get(of);
    if (found !== undefined) return found;
    const made = compute(of);
    if (shared.has(of)) known.set(of, made);
    return made;
  };
}

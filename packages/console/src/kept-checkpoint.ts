/**
 * The checkpoint that this browser verified last, kept for the next time: a log that was rewritten in
 * between does not lead to it any more. By key, so that another log has another one.
 */
const NAME = 'sealrail/checkpoint/';

export function keptCheckpoint(vkey: string): Uint8Array | undefined {
  const text = storage()?.getItem(NAME + vkey);
  return text === null || text === undefined ? undefined : new TextEncoder().encode(text);
}

export function keepCheckpoint(vkey: string, note: Uint8Array): void {
  try {
    storage()?.setItem(NAME + vkey, new TextDecoder().decode(note));
  } catch {
    // A full or forbidden storage costs the comparison next time, which then says so.
  }
}

/** Absent where the browser forbids it. */
function storage(): Storage | undefined {
  try {
    return window.localStorage;
  } catch {
    return undefined;
  }
}

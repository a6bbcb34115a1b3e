/** Cancel requests: only with the key that a session was given, and never more of them than are of use. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { dialUpstream, type UpstreamAddress } from './dial.ts';
import { int32 } from './frame.ts';
import { CANCEL_REQUEST } from './startup.ts';

/** Each opens a connection to the upstream. */
export const CANCELS_PER_SECOND_MAX = 10;
const CANCEL_MS_MAX = 10_000;
/** 3.0 has room for no more. */
const KEY_BYTES = 4;
/** From 3.2 on a key can be long enough not to be guessed. */
const LONG_KEY_BYTES = 32;

interface Holder {
  readonly key: Buffer;
  readonly upstreamKey: Buffer;
  /** Start of the second that `used` counts in. */
  sinceMs: number;
  used: number;
}

/** Keys of the sessions of one gateway. A pid is the upstream's own, so it is no secret and may repeat. */
export class CancelKeys {
  readonly #byPid = new Map<number, Holder[]>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** A fresh key for a session; `release` when it ends. */
  issue(
    { pid, key: upstreamKey }: { pid: number; key: Buffer },
    minor: number,
  ): { readonly key: Buffer; readonly release: () => void } {
    const key = randomBytes(minor >= 2 ? LONG_KEY_BYTES : KEY_BYTES);
    const holder: Holder = { key, upstreamKey, sinceMs: 0, used: 0 };
    this.#byPid.set(pid, [...(this.#byPid.get(pid) ?? []), holder]);
    return { key, release: () => this.#release(pid, holder) };
  }

  /** The upstream's key, where the session that this one was given to may use it now. */
  take(pid: number, key: Buffer): Buffer | undefined {
    const holders = this.#byPid.get(pid) ?? [];
    // All of them, in constant time each: the answer must not tell how much of a guess was right.
    const [found] = holders.filter(
      (one) => one.key.length === key.length && timingSafeEqual(one.key, key),
    );
    if (!found) return undefined;
    const nowMs = this.#nowMs();
    if (nowMs - found.sinceMs >= 1_000) {
      found.sinceMs = nowMs;
      found.used = 0;
    }
    found.used++;
    return found.used > CANCELS_PER_SECOND_MAX ? undefined : found.upstreamKey;
  }

  #release(pid: number, holder: Holder): void {
    const left = (this.#byPid.get(pid) ?? []).filter((one) => one !== holder);
    if (left.length > 0) this.#byPid.set(pid, left);
    else this.#byPid.delete(pid);
  }
}

/**
 * Asks the server to cancel what a session is doing, under TLS where sessions run under it. It never
 * answers; it closes the connection when the signal is out, and that is when this resolves, so that
 * whoever asked may wait for it. A server that cannot be reached has nothing left to cancel.
 */
export async function cancelUpstream(
  address: UpstreamAddress,
  { pid, key }: { pid: number; key: Buffer },
): Promise<void> {
  const dialled = await dialUpstream(address).catch(() => undefined);
  if (!dialled) return;
  const { socket } = dialled;
  await new Promise<void>((resolve) => {
    socket.setTimeout(CANCEL_MS_MAX, () => socket.destroy());
    socket.once('close', () => resolve());
    socket.write(Buffer.concat([int32(12 + key.length), int32(CANCEL_REQUEST), int32(pid), key]));
    socket.resume();
  });
}

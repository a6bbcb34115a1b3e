/** The end of a connection, told to both sides of a session in the same way. */
import type { Socket } from 'node:net';

/** A peer that does not take the end of its session gets it taken. */
const CLOSE_MS_MAX = 5_000;

/** What was written goes out first, unless the peer does not take it. */
export function closeSocket(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), CLOSE_MS_MAX);
  socket.once('close', () => clearTimeout(timer));
  socket.resume();
  socket.destroySoon();
}

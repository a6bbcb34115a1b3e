/**
 * Somebody ends a session before its time: who they are is proved, the entry is on disk, then both sides end.
 * Everybody may end their own; those of others only people may, so that no agent ends another's.
 */
import type { Principal } from '@sealrail/sdk';
import { type AuthenticationPorts, authenticate, type Credentials } from '../authenticate.ts';
import type { User } from '../config/config.ts';
import type { Gateway } from '../gateway/postgres/gateway.ts';
import type { SessionView } from '../gateway/postgres/session-view.ts';

export interface EndRequest extends Credentials {
  readonly id: string;
}

export type EndAnswer =
  | { readonly kind: 'not-authenticated' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'ended'; readonly session: SessionView };

export interface SessionPorts extends AuthenticationPorts {
  readonly gateways: () => Iterable<Pick<Gateway, 'list' | 'kill'>>;
}

/** What the client and the entry of the end are told: admin_shutdown. */
const ENDED = '57P01';

/** Of every target, oldest first. */
export function listSessions({ gateways }: Pick<SessionPorts, 'gateways'>): SessionView[] {
  const all = [...gateways()].flatMap((gateway) => gateway.list());
  return all.sort((one, other) => one.since.localeCompare(other.since));
}

/** Rejects where the log takes no entry: then the session goes on. */
export async function endSession(asked: EndRequest, ports: SessionPorts): Promise<EndAnswer> {
  const user = await authenticate(asked, 'session.kill', ports);
  if (user === undefined) return { kind: 'not-authenticated' };
  for (const gateway of ports.gateways()) {
    const session = gateway.list().find(({ id }) => id === asked.id);
    if (session === undefined) continue;
    const reason = refusalOf(user, session);
    await record(user, session, reason === undefined ? 'ok' : 'refused', ports);
    if (reason !== undefined) return { kind: 'refused', reason };
    // It may have ended by itself meanwhile; then that is what was wanted.
    await gateway.kill(asked.id);
    return { kind: 'ended', session };
  }
  return { kind: 'unknown' };
}

function refusalOf(user: User, session: SessionView): string | undefined {
  if (user.type === 'human' || user.name === session.user) return undefined;
  return 'only people end the sessions of others';
}

function record(
  { type, name: id }: User,
  { id: session, user, target }: SessionView,
  result: 'ok' | 'refused',
  { recorder }: SessionPorts,
): Promise<number> {
  const principal: Principal = { type, id, proof: 'scram' };
  const fields = { kind: 'session', event: 'kill', target, client: { session, user } } as const;
  return recorder.record({ ...fields, result, code: ENDED }, { principal }).durable;
}

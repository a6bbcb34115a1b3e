/** Who is connected, as the API and the terminal show it. */
import type { User } from '../../config/config.ts';
import type { SessionState } from './session.ts';

/** One session, for whoever looks after them. */
export interface SessionView extends SessionState {
  readonly id: string;
  readonly target: string;
  readonly user: string;
  readonly type: User['type'];
  readonly address: string;
  /** RFC 3339. */
  readonly since: string;
  readonly backendPid: number;
}

/** The system under attack: the upstream role is a superuser on purpose, so that nothing but the gateway stands between. */
import { fileURLToPath } from 'node:url';
import { entriesFrom, startSystem } from '../system.ts';
import type { SeenDecision } from './judge.ts';

export const DATABASE = 'appdb';
/** The snapshot of the catalog is at most this old when a fixture has been loaded past the gateway. */
const CATALOG_SEEN_MS = 2_000;

export interface AttackSystem {
  readonly port: number;
  readonly superuserUrl: string;
  password(user: string): string;
  logSize(): Promise<number>;
  /** Decisions recorded since, a refused session included: it is the denial of a connection. */
  decisionsSince(index: number): Promise<SeenDecision[]>;
  /** Waits until the gateway knows the fixture that was just loaded behind its back. */
  catalogSeen(): Promise<void>;
  stop(): Promise<void>;
}

interface SeenEntry {
  readonly kind: string;
  readonly result?: string;
  readonly decision?: SeenDecision;
}

export async function startAttackSystem(): Promise<AttackSystem> {
  const system = await startSystem({
    database: DATABASE,
    policies: fileURLToPath(new URL('./policies', import.meta.url)),
    personal: ['users.ssn', 'users.email'],
    users: [
      { name: 'agent-1', type: 'agent', groups: [] },
      { name: 'alice', type: 'human', groups: [] },
      { name: 'dba', type: 'human', groups: ['dba'] },
      { name: 'svc', type: 'service', groups: [] },
    ],
  });
  const logSize = async () =>
    ((await (await fetch(`${system.api}/api/status`)).json()) as { size: number }).size;
  return {
    port: system.gatewayPort,
    superuserUrl: system.postgres.url(DATABASE),
    password: system.password,
    logSize,
    catalogSeen: () => new Promise((resolve) => setTimeout(resolve, CATALOG_SEEN_MS)),
    decisionsSince: async (index) => {
      const entries = await entriesFrom<SeenEntry>(system.api, index);
      return entries.flatMap(({ kind, decision, result }) => {
        if (kind === 'decision' && decision) return [decision];
        return kind === 'session' && result === 'refused'
          ? [{ verdict: 'deny' as const, code: 'rejected' }]
          : [];
      });
    },
    stop: system.stop,
  };
}

/** Nothing that keeps a daemon from starting, but hardly what was meant: said at each start and check. */
import { isLoopback } from './address.ts';
import { certificatesIn } from './certificates.ts';
import type { Config, PostgresTarget } from './config.ts';

/** What renews certificates does so earlier than this. */
const EXPIRY_MS = 14 * 86_400_000;

export function warningsOf(config: Config, nowMs = Date.now()): string[] {
  const warnings: string[] = [];
  if (config.users.length === 0)
    warnings.push(`${config.usersFile} names nobody: nobody can connect`);
  if (config.log.durability !== 'sync')
    warnings.push(
      `log.durability is ${config.log.durability}: effects happen before their decisions are on disk, and a crash loses the last ones`,
    );
  const groups = new Set(config.users.flatMap((user) => user.groups));
  for (const target of config.targets) {
    const { name, mode, upstream } = target;
    warnings.push(...expiring(target, nowMs));
    if (!upstream.tls && !isLoopback(upstream.host))
      warnings.push(`target ${name}: the way to ${upstream.host} is not encrypted`);
    if (mode === 'observe') warnings.push(`target ${name} observes: nothing is blocked`);
    const empty = typeof mode === 'string' ? [] : mode.enforce.filter((one) => !groups.has(one));
    if (empty.length > 0)
      warnings.push(`target ${name} enforces for ${empty.join(', ')}, and nobody is in there`);
    if (upstream.accept.length > 0)
      warnings.push(`target ${name} accepts an upstream role with ${upstream.accept.join(', ')}`);
  }
  return warnings;
}

/** Nobody is refused for it here: clients that verify refuse by themselves, and others go on. */
function expiring({ name, tls }: PostgresTarget, nowMs: number): string[] {
  const [own] = tls ? certificatesIn(tls.cert) : [];
  if (!own) return [];
  const leftMs = Date.parse(own.validTo) - nowMs;
  if (leftMs >= EXPIRY_MS) return [];
  const state = leftMs < 0 ? 'has expired' : 'expires';
  return [`target ${name}: the certificate for clients ${state} on ${own.validTo}`];
}

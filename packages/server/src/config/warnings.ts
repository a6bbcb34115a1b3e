/** Nothing that keeps a daemon from starting, but hardly what was meant: said at each start and check. */
import type { Config } from './config.ts';

export function warningsOf(config: Config): string[] {
  const warnings: string[] = [];
  if (config.users.length === 0)
    warnings.push(`${config.usersFile} names nobody: nobody can connect`);
  if (config.log.durability !== 'sync')
    warnings.push(
      `log.durability is ${config.log.durability}: effects happen before their decisions are on disk, and a crash loses the last ones`,
    );
  const groups = new Set(config.users.flatMap((user) => user.groups));
  for (const { name, mode, upstream } of config.targets) {
    if (mode === 'observe') warnings.push(`target ${name} observes: nothing is blocked`);
    const empty = typeof mode === 'string' ? [] : mode.enforce.filter((one) => !groups.has(one));
    if (empty.length > 0)
      warnings.push(`target ${name} enforces for ${empty.join(', ')}, and nobody is in there`);
    if (upstream.accept.length > 0)
      warnings.push(`target ${name} accepts an upstream role with ${upstream.accept.join(', ')}`);
  }
  return warnings;
}

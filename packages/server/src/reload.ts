/** What a running daemon cannot change, because sessions run on it. */
import type { PolicySet } from '@sealrail/sdk';
import type { Config } from './config/config.ts';
import { ConfigError } from './config/errors.ts';

const FIXED: readonly [string, (config: Config) => unknown][] = [
  ['log', ({ log: { key: _, ...rest } }) => rest],
  ['log.key', ({ log }) => log.key],
  ['api.listen', ({ api }) => api.listen],
  [
    'the list of targets, a listen address or an upstream',
    ({ targets }) =>
      targets.map(({ name, listen, upstream }) => {
        // The authority that its certificate is verified against may be another: authorities expire.
        return [name, listen, { ...upstream, tls: upstream.tls !== undefined }];
      }),
  ],
];

/** Throws ConfigError where a restart is needed: taking over only a part would be neither old nor new. */
export function immovable(before: Config, after: Config): void {
  const changed = FIXED.filter(
    ([, part]) => JSON.stringify(part(before)) !== JSON.stringify(part(after)),
  );
  if (changed.length === 0) return;
  throw new ConfigError(
    changed.map(([what]) => ({
      file: after.file,
      message: `${what} changed, which takes a restart`,
      hint: 'nothing of the new configuration is in force',
    })),
  );
}

/** Throws ConfigError where policies look further back than the history that is known. */
export function rememberable(
  { memoryMs }: Pick<PolicySet, 'memoryMs'>,
  knownMs: number,
  { policies }: Pick<Config, 'policies'>,
): void {
  if (memoryMs <= knownMs) return;
  throw new ConfigError([
    {
      file: policies,
      message: `these policies look back for ${Math.ceil(memoryMs / 1_000)} s, and what is known goes back for ${Math.floor(knownMs / 1_000)} s: this takes a restart`,
      hint: 'a start reads from the log what they ask for; nothing of the new policies is in force',
    },
  ]);
}

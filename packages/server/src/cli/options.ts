/** Options of one command, parsed strictly: an unknown one is an error with a suggestion. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearest } from '../config/nearest.ts';
import { usage } from './io.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

export function parseOptions<T extends Options>(args: readonly string[], options: T) {
  const all = {
    ...options,
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  } as const;
  try {
    return parseArgs({
      args: [...args],
      options: all as T & typeof all,
      allowPositionals: true,
      strict: true,
    });
  } catch (error) {
    const message = error instanceof Error ? (error.message.split('.')[0] ?? '') : String(error);
    const word = /'--?([^ ']+)/.exec(message)?.[1];
    const meant = word && nearest(word, Object.keys(all));
    throw usage(
      message,
      meant
        ? `did you mean --${meant}?`
        : `known are ${Object.keys(all)
            .map((name) => `--${name}`)
            .join(', ')}`,
    );
  }
}

/** Options of one command, parsed strictly: an unknown one is an error with a suggestion. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearest } from '../config/nearest.ts';
import { usage } from './io.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

const COMMON = { json: { type: 'boolean' } } as const;
/** Of every command that needs a configuration. */
export const CONFIG = { config: { type: 'string', short: 'c' } } as const;

export function parseOptions<T extends Options>(args: readonly string[], options: T) {
  const all = { ...options, ...COMMON };
  try {
    return parseArgs({
      args: [...args],
      options: all as T & typeof COMMON,
      allowPositionals: true,
      strict: true,
    });
  } catch (error) {
    const message = error instanceof Error ? (error.message.split('.')[0] ?? '') : String(error);
    const word = /'--?([^ '=]+)/.exec(message)?.[1] ?? '';
    const known = Object.keys(all).map((name) => `--${name}`);
    const meant = nearest(`--${word}`, known);
    const isKnown = known.includes(`--${word}`);
    const hint = meant ? `did you mean ${meant}?` : `known are ${known.join(', ')}`;
    throw usage(message, isKnown ? undefined : hint);
  }
}

/** Exactly one positional argument. */
export function onlyOne(positionals: readonly string[], message: string, example: string): string {
  const [first] = positionals;
  if (first === undefined || positionals.length > 1) throw usage(message, example);
  return first;
}

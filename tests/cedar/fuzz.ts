/**
 * Every parser against damaged texts: it takes what Cedar takes, refuses what Cedar refuses by its documented
 * error, and comes back. A target says how its texts are made and who decides.
 */
import { Dice } from './dice.ts';

export interface Target {
  readonly name: string;
  readonly make: (dice: Dice) => string;
  /** Whether ours takes it; it throws what is not documented. */
  readonly ours: (text: string) => boolean;
  /** Whether Cedar takes it; undefined where Cedar cannot be asked, or differs as the target explains. */
  readonly cedar: (text: string) => boolean | undefined;
}

/** Texts are of a few KB, which every parser reads in a few ms: this is a hang on any machine. */
const HANG_MS = 5_000;

/** Throws with the text on the first thing that is wrong; says whether the text was a good one. */
export function fuzzSeed(target: Target, seed: number): boolean {
  const text = target.make(new Dice(seed));
  const origin = `${target.name}, seed ${seed}, ${JSON.stringify(text)}`;
  const started = performance.now();
  let ours: boolean;
  try {
    ours = target.ours(text);
  } catch (cause) {
    throw new Error(`${origin}: an error that is not documented`, { cause });
  }
  const elapsedMs = performance.now() - started;
  if (elapsedMs > HANG_MS) throw new Error(`${origin}: took ${elapsedMs.toFixed(0)} ms`);
  const cedar = target.cedar(text);
  if (cedar !== undefined && cedar !== ours)
    throw new Error(`${origin}: ours ${said(ours)} it, Cedar ${said(cedar)} it`);
  return ours;
}

const said = (taken: boolean): string => (taken ? 'takes' : 'refuses');

/** The parameters of `@unless`, beside those of another version of the same policy. Pure. */

export type Annotations = Readonly<Record<string, string>>;

export interface Findings {
  readonly loosens: readonly string[];
  readonly tightens: readonly string[];
}

type Strictness = 'looser' | 'stricter' | 'same' | 'unclear';

/** Each annotation that a condition takes. What is unclear counts as looser: somebody has to look at it. */
const COMPARE: Readonly<Record<string, (before: string, after: string) => Strictness>> = {
  quorum: (before, after) => byNumber(Number(before), Number(after), 'more-is-stricter'),
  ttl: (before, after) => byNumber(secondsOf(before), secondsOf(after), 'less-is-stricter'),
  approvers: () => 'unclear',
  rate: compareRate,
  key: () => 'unclear',
  cost: () => 'unclear',
  classes: compareNames,
  detect: compareNames,
  labels: compareNames,
  with: (before, after) =>
    byNumber(METHODS.indexOf(before), METHODS.indexOf(after), 'less-is-stricter'),
  rows: (before, after) => byNumber(Number(before), Number(after), 'less-is-stricter'),
  bytes: (before, after) => byNumber(Number(before), Number(after), 'less-is-stricter'),
};
/** From what shows least to what shows most (decision.md, OBLIGATIONS). */
const METHODS = ['null', 'constant', 'hash', 'partial'];
/** Of these, a missing one asks for less than any that is written. */
const ASKS_MORE: ReadonlySet<string> = new Set(['classes', 'detect', 'rows', 'bytes']);

/** What changed in the condition of a forbid that stands in both sets. */
export function compareConditions(before: Annotations, after: Annotations): Findings {
  const loosens: string[] = [];
  const tightens: string[] = [];
  const [from, to] = [before.unless, after.unless];
  if (from !== to) {
    if (to === undefined) tightens.push(`stands alone now, not unless ${from}`);
    else if (from === undefined) loosens.push(`is softened: unless ${to}`);
    else loosens.push(`asks for ${to} instead of ${from}`);
    return { loosens, tightens };
  }
  if (from === undefined) return { loosens, tightens };
  for (const [name, compare] of Object.entries(COMPARE)) {
    const [was, is] = [before[name], after[name]];
    if (was === is) continue;
    const text = `@${name} ${was ?? 'none'} → ${is ?? 'none'}`;
    const strictness = strictnessOf(name, from, was, is, compare);
    if (strictness === 'stricter') tightens.push(text);
    else if (strictness !== 'same') loosens.push(text);
  }
  return { loosens, tightens };
}

function strictnessOf(
  name: string,
  condition: string,
  was: string | undefined,
  is: string | undefined,
  compare: (before: string, after: string) => Strictness,
): Strictness {
  if (was !== undefined && is !== undefined) {
    // A taint that lasts longer closes more; a grant that lasts longer opens more.
    if (name === 'ttl' && condition === 'tainted') return compare(is, was);
    return compare(was, is);
  }
  if (ASKS_MORE.has(name)) return is === undefined ? 'looser' : 'stricter';
  return 'unclear';
}

function byNumber(
  before: number,
  after: number,
  which: 'more-is-stricter' | 'less-is-stricter',
): Strictness {
  if (before === after) return 'same';
  if (Number.isNaN(before) || Number.isNaN(after)) return 'unclear';
  return after > before === (which === 'more-is-stricter') ? 'stricter' : 'looser';
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

function secondsOf(text: string): number {
  const [, count, unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? [];
  return Number(count) * (SECONDS[unit] ?? Number.NaN);
}

/** As many or fewer in as long or longer: any other rate lets something pass that was stopped before. */
function compareRate(before: string, after: string): Strictness {
  const [count, time] = rateOf(before);
  const [countAfter, timeAfter] = rateOf(after);
  if ([count, time, countAfter, timeAfter].some(Number.isNaN)) return 'unclear';
  if (count === countAfter && time === timeAfter) return 'same';
  return countAfter <= count && timeAfter >= time ? 'stricter' : 'looser';
}

function rateOf(text: string): readonly [count: number, seconds: number] {
  const [count = '', time = ''] = text.split('/');
  return [Number(count), secondsOf(time)];
}

function compareNames(before: string, after: string): Strictness {
  const [from, to] = [namesOf(before), namesOf(after)];
  if ([...from].some((name) => !to.has(name))) return 'looser';
  return to.size > from.size ? 'stricter' : 'same';
}

const namesOf = (text: string): ReadonlySet<string> => new Set(text.split(/\s*,\s*/));

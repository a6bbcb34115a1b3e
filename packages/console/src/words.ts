/** Entries in words: what the rows and headings say. Pure. */
import type { Entry, Outcome, View } from './data.ts';

export type Tone = 'deny' | 'hold' | 'allow' | 'plain';

const DONE = { allow: 'allowed', hold: 'held', deny: 'denied' } as const;

/** The word of the verdict column; its colour only repeats it. */
export function verdictOf(entry: Entry): { readonly word: string; readonly tone: Tone } {
  const { decision, kind } = entry;
  if (decision) {
    const { verdict, enforced } = decision;
    if (verdict === 'allow' || enforced) return { word: DONE[verdict], tone: verdict };
    return { word: `would ${verdict}`, tone: verdict };
  }
  if (kind === 'finding') return { word: 'finding', tone: isGrave(entry) ? 'deny' : 'hold' };
  const refused = entry.result === 'refused' || entry.refused !== undefined;
  return refused ? { word: `${kind} refused`, tone: 'deny' } : { word: kind, tone: 'plain' };
}

const isGrave = ({ severity }: Entry): boolean => severity === 'critical' || severity === 'high';

/** What an entry that is no decision is about, in one line. */
export function subject(entry: Entry): string {
  switch (entry.kind) {
    case 'decision':
      return entry.statement ?? 'a text that does not parse';
    case 'outcome':
      return outcomeWords(entry.outcome, entry.rows).join(' · ');
    case 'session':
      return `${entry.event} on ${entry.target}${entry.code ? ` · ${entry.code}` : ''}`;
    case 'change':
      return `${entry.what}: ${entry.refused ?? entry.why ?? ''}`;
    case 'finding':
      return `${entry.rule}: ${entry.message}`;
    case 'access':
      return `${entry.how}: ${entry.what}`;
    case 'approval':
      return entry.step ?? '';
    default:
      return entry.event ?? '';
  }
}

export function resourceOf(entry: Entry): string | undefined {
  const [first] = entry.resources ?? [];
  return first?.id;
}

/** Without the database, which the target names: `shop.public.orders` is `public.orders`. */
export function shortResource(id: string): string {
  const parts = id.split('.');
  return parts.length > 2 ? parts.slice(-2).join('.') : id;
}

/** The policy that made it so, or the reason why none did. */
export function policyOf({ decision }: Entry): { readonly id?: string; readonly none?: string } {
  if (!decision) return {};
  const [id] = decision.determining;
  return id === undefined ? { none: CODES[decision.code] ?? decision.code } : { id };
}

const CODES: Readonly<Record<string, string>> = {
  rejected: 'malformed',
  'not-understood': 'not understood',
  'policy-error': 'policy error',
  'no-permit': 'no policy permits it',
};

function outcomeWords(outcome: Entry['outcome'], rows: number | undefined): string[] {
  if (!outcome) return [];
  const status = outcome.status.replace('_', ' ');
  return [
    outcome.code === undefined ? status : `${status} ${outcome.code}`,
    ...(rows === undefined ? [] : [count(rows, 'row')]),
  ];
}

/** What became of an allowed decision, shortly: a transaction's end counts for more than its parts. */
export function outcomeOf({ outcome, settled }: View): string {
  if (!outcome) return '';
  if (settled) return outcomeWords(settled.outcome, outcome.rows).join(' · ');
  return outcomeWords(outcome.outcome, outcome.rows).join(' · ');
}

export const isOpenEnded = (outcome: Outcome | undefined, settled: Outcome | undefined): boolean =>
  outcome?.outcome.provisional === true && settled === undefined;

export const number = (value: number): string => value.toLocaleString('en-US');

export const count = (value: number, noun: string): string =>
  `${number(value)} ${noun}${value === 1 ? '' : 's'}`;

export function duration(us: number): string {
  if (us < 1_000) return `${us} µs`;
  if (us < 1_000_000) return `${(us / 1_000).toFixed(1)} ms`;
  return `${(us / 1_000_000).toFixed(2)} s`;
}

export function age(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return count(seconds, 'second');
  if (seconds < 3_600) return count(Math.floor(seconds / 60), 'minute');
  if (seconds < 86_400) return count(Math.floor(seconds / 3_600), 'hour');
  return count(Math.floor(seconds / 86_400), 'day');
}

const two = (value: number): string => String(value).padStart(2, '0');

/** Of this reader's clock; the date only where it is not today. */
export function clockTime(time: string, now: Date): string {
  const at = new Date(time);
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  if (at.toDateString() === now.toDateString()) return `${clock}.${time.slice(20, 23)}`;
  return `${two(at.getDate())}.${two(at.getMonth() + 1)}. ${clock.slice(0, 5)}`;
}

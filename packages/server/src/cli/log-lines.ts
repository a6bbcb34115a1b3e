/** Entries as lines of a terminal. */
import type { Entry, SessionFields } from '@sealrail/sdk';
import type { EntryView } from '../api/entries.ts';
import { type Io, paint, printable } from './io.ts';

const TEXT_LENGTH_MAX = 160;
const DIGEST_SHOWN = 12;

/** What an entry says, in a few words. */
export function summary(entry: Entry): string {
  switch (entry.kind) {
    case 'decision': {
      const policy = entry.decision.determining[0] ?? entry.decision.code;
      const resources = entry.resources.map(({ id }) => id).join(' ');
      return `${entry.action} ${resources} [${policy}] ${entry.statement ?? '(does not parse)'}`;
    }
    case 'outcome': {
      const { status, code = '', provisional } = entry.outcome;
      const rows = entry.rows === undefined ? '' : `, ${entry.rows} rows`;
      return (
        `${status} ${code}`.trim() + rows + (provisional ? ' (until its transaction ends)' : '')
      );
    }
    case 'session':
      return `${entry.event} on ${entry.target}${refusal(entry)}`;
    case 'change': {
      const refused = entry.refused === undefined ? '' : ` refused: ${entry.refused}`;
      return `${entry.what} ${short(entry.before)} → ${short(entry.after)}${refused}`;
    }
    case 'finding':
      return `${entry.severity} ${entry.rule}: ${entry.message}`;
    case 'access':
      return `${entry.how} ${entry.what}`;
    case 'system':
      return entry.event;
    case 'approval':
      return `${entry.step} ${entry.request}`;
  }
}

const refusal = ({ result, code = '' }: SessionFields): string =>
  result === 'refused' ? `, refused ${code}` : '';

const short = (digest: string): string => digest.slice(0, DIGEST_SHOWN) || 'none';

/** `deny?` is a verdict that was observed and not carried out. */
function label(entry: Entry): string {
  if (entry.kind !== 'decision') return entry.kind;
  const { verdict, enforced } = entry.decision;
  return verdict === 'allow' || enforced ? verdict : `${verdict}?`;
}

const STYLES = { deny: 'red', hold: 'yellow', allow: 'green' } as const;

/** One entry as one line: index, time, verdict or kind, who, what; and whether it is signed yet. */
export function line({ index, state, entry }: EntryView, io: Io): string {
  const word = label(entry);
  const style = STYLES[word.replace('?', '') as keyof typeof STYLES] ?? 'dim';
  const who = printable(entry.principal?.id ?? entry.source.type);
  const text = printable(summary(entry).replace(/\s+/g, ' '));
  const shown = text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX - 1)}…` : text;
  const parts = [
    String(index).padStart(6),
    entry.time.slice(11, 23),
    paint(io, style, word.padEnd(8)),
    who.padEnd(10),
    shown,
  ];
  return parts.join(' ') + (state === 'durable' ? paint(io, 'dim', ' (durable)') : '');
}

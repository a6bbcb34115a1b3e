/** A request for approval in lines of a terminal. Everything in it was chosen by whoever asked. */
import type { ApprovalView } from '../../approvals/view.ts';
import { type Io, paint, printable } from '../io.ts';

const STYLES = {
  pending: 'yellow',
  approved: 'green',
  denied: 'red',
  expired: 'dim',
  used: 'dim',
  cancelled: 'dim',
} as const;

const STATEMENT_SHOWN = 200;

export function approvalLines(approval: ApprovalView, io: Io, nowMs: number): string[] {
  const { id, state, requestedBy, target, action, statement, policy, message, until } = approval;
  const word = paint(io, STYLES[state], state);
  const who = printable(requestedBy.join(' for '));
  const text = statement === undefined ? '' : `  ${shortened(printable(statement))}`;
  const by = message === undefined ? policy : `${policy}: ${message}`;
  return [
    `${id}  ${word}  ${progress(approval)}${until === undefined ? '' : `, ${left(until, nowMs)}`}`,
    `  ${who}: ${action} on ${printable(target)}`,
    ...(text === '' ? [] : [text]),
    `  held by ${printable(by)}`,
    ...endedLine(approval),
  ];
}

function progress({ state, grants, quorum, approvers }: ApprovalView): string {
  const names = grants.map(({ by }) => printable(by)).join(', ');
  if (state === 'pending') {
    const so = grants.length === 0 ? '' : ` (so far ${names})`;
    return `${grants.length} of ${quorum} of ${printable(approvers)}${so}`;
  }
  return grants.length === 0 ? `nobody of ${printable(approvers)}` : `by ${names}`;
}

/** `23h 59m left` */
function left(until: string, nowMs: number): string {
  const minutes = Math.max(0, Math.floor((Date.parse(until) - nowMs) / 60_000));
  const hours = Math.floor(minutes / 60);
  if (hours > 0) return `${hours}h ${minutes % 60}m left`;
  return minutes > 0 ? `${minutes}m left` : 'less than a minute left';
}

function endedLine({ state, ended }: ApprovalView): string[] {
  if (ended === undefined) return [];
  const by = ended.by === undefined ? '' : ` by ${printable(ended.by)}`;
  const why = ended.reason === undefined ? '' : `: ${printable(ended.reason)}`;
  const what = ended.decisionId === undefined ? '' : ` by decision ${ended.decisionId}`;
  return [`  ${state} at ${ended.at}${by}${what}${why}`];
}

const shortened = (text: string): string =>
  text.length > STATEMENT_SHOWN ? `${text.slice(0, STATEMENT_SHOWN - 1)}…` : text;

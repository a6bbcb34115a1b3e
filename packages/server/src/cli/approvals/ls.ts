/** `approvals ls`: what the running daemon holds, and who may let it go. */
import type { ApprovalView } from '../../approvals/view.ts';
import { type Command, EXIT, type Io, usage } from '../io.ts';
import { CONFIG, parseOptions } from '../options.ts';
import { askDaemon, configOf } from '../place.ts';
import { approvalLines } from './words.ts';

export const lsVerb: Command = {
  line: 'approvals ls [--all]',
  does: 'requests that wait, and approvals not used yet',
  help: `
  --all      those that are over too: denied, expired, used, cancelled (the log has all there ever were)
  -c FILE    the configuration that the daemon runs on
  --json     one line: approvals [{id, state, requestedBy, target, action, statement, decisionId,
             actionDigest, policy, message, severity, approvers, quorum, ttlMs, asked, until, grants
             [{by, at, reason}], ended {at, by, reason, decisionId}}], latest first

A request is for one action exactly as it was sent, under one policy as it reads now. It waits for a
day; approved, it is good for the @ttl of the policy and for one execution, by whoever asked.
Exit codes: 0, also where nothing waits; 69 no daemon answers.`,
  run: ls,
};

async function ls(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, { ...CONFIG, all: { type: 'boolean' } });
  if (positionals.length > 0)
    throw usage('approvals ls takes no name', 'sealrail approvals ls --all shows what is over too');
  const config = await configOf(values.config, io);
  const response = await askDaemon(config, '/api/approvals');
  const { approvals } = (await response.json()) as { approvals: readonly ApprovalView[] };
  const shown = values.all ? approvals : approvals.filter(isOpen);
  if (values.json) io.out(JSON.stringify({ approvals: shown }));
  else show(shown, approvals.length - shown.length, io);
  return EXIT.ok;
}

const isOpen = ({ state }: ApprovalView): boolean => state === 'pending' || state === 'approved';

function show(approvals: readonly ApprovalView[], others: number, io: Io): void {
  for (const approval of approvals)
    for (const line of approvalLines(approval, io, Date.now())) io.out(line);
  if (approvals.length === 0) io.say('nothing waits for an approval');
  if (others > 0) io.say(`${others} more are over: sealrail approvals ls --all`);
}

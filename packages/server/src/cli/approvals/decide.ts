/** `approvals approve` and `approvals deny`: somebody decides, as themselves, on what somebody else asked. */
import type { RulingView } from '../../api/approvals.ts';
import { passwordOf, userOf } from '../credentials.ts';
import { CliError, type Command, EXIT, type Io, paint, printable } from '../io.ts';
import { CONFIG, onlyOne, parseOptions } from '../options.ts';
import { askDaemon, configOf } from '../place.ts';
import { approvalLines } from './words.ts';

type Ruling = 'approve' | 'deny';

const OPTIONS = `
  --reason TEXT  why; it stands in the log
  --as USER      as whom; SEALRAIL_USER, if not given
  -c FILE        the configuration
  --json         one line: kind (done, refused, denied), decisionId; of done and refused: request, as
                 approvals ls has it; of refused: why (not-pending, not-a-person, own-request,
                 not-an-approver, granted-already, policy-changed), reason; of denied: denial

Whoever it is proves it by their password (SEALRAIL_PASSWORD, or asked for), and the policies in force
decide on it: an action approval.grant on the ApprovalRequest.`;

const EXITS = `Exit codes: 0 done, 64 there is no such request, it is over already or its policy changed, 77 you may
not or are not authenticated, 69 no daemon answers.`;

export const approveVerb: Command = {
  line: 'approvals approve ID [--reason TEXT]',
  does: 'say yes, as one of the people who are asked',
  help: `${OPTIONS}
It takes members of the group of the policy's @approvers, as many different ones as its @quorum, and
none of them whoever asked or whom it is for. Then whoever asked sends exactly the same again.
${EXITS}`,
  run: (args, io) => decide('approve', args, io),
};

export const denyVerb: Command = {
  line: 'approvals deny ID [--reason TEXT]',
  does: 'say no, or withdraw what you asked for',
  help: `${OPTIONS}
A no answers the same action for an hour. An approval that was not used yet is taken back by it.
${EXITS}`,
  run: (args, io) => decide('deny', args, io),
};

/** What stands in the log where nobody gave a reason. */
const NO_REASON = 'no reason given';

async function decide(ruling: Ruling, args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, {
    ...CONFIG,
    reason: { type: 'string' },
    as: { type: 'string' },
  });
  const id = onlyOne(
    positionals,
    `approvals ${ruling} takes the id of one request`,
    'sealrail approvals ls shows them',
  );
  const config = await configOf(values.config, io);
  const user = userOf(values.as, config, io);
  const response = await askDaemon(config, `/api/approvals/${encodeURIComponent(id)}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      user,
      password: await passwordOf(user, config, io),
      ruling,
      reason: values.reason ?? NO_REASON,
    }),
  });
  const answer = (await response.json()) as RulingView;
  if (values.json) io.out(JSON.stringify(answer));
  else show(answer, io);
  return exitOf(answer);
}

function exitOf(answer: RulingView): number {
  switch (answer.kind) {
    case 'done':
      return EXIT.ok;
    case 'denied':
      return EXIT.denied;
    case 'refused':
      return answer.why === 'not-pending' || answer.why === 'policy-changed'
        ? EXIT.usage
        : EXIT.denied;
  }
}

function show(answer: RulingView, io: Io): void {
  switch (answer.kind) {
    case 'denied': {
      const { policy, message, hint } = answer.denial;
      const by = policy === undefined ? 'denied' : `denied by policy ${policy}`;
      throw new CliError(EXIT.denied, `${by}: ${printable(message)}`, printable(hint));
    }
    case 'refused':
      throw new CliError(
        exitOf(answer),
        `nothing changed: ${printable(answer.reason)}`,
        `decision ${answer.decisionId}; the request is ${answer.request.state}`,
      );
    case 'done': {
      for (const line of approvalLines(answer.request, io, Date.now())) io.out(line);
      const { state, quorum, grants, approvers } = answer.request;
      const missing = quorum - grants.length;
      if (state === 'approved')
        io.out(`${paint(io, 'green', 'approved')}: whoever asked sends exactly the same again`);
      if (state === 'pending')
        io.out(`${paint(io, 'yellow', 'not yet')}: ${missing} more of ${printable(approvers)}`);
    }
  }
}

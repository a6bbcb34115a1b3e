/** `approvals`: one file a verb in approvals/, all of them found here. */
import { approveVerb, denyVerb } from './approvals/decide.ts';
import { lsVerb } from './approvals/ls.ts';
import type { Command } from './io.ts';
import { commandOfVerbs } from './verbs.ts';

export const approvalsCommand: Command = commandOfVerbs(
  'approvals',
  'what waits for somebody to say yes, and saying it',
  [lsVerb, approveVerb, denyVerb],
);

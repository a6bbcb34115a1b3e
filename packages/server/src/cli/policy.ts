/** `policy`: one file a verb in policy/, all of them found here. */
import type { Command } from './io.ts';
import { applyVerb } from './policy/apply.ts';
import { checkVerb } from './policy/check.ts';
import { diffVerb } from './policy/diff.ts';
import { exceptVerb } from './policy/except.ts';
import { fmtVerb } from './policy/fmt.ts';
import { replayVerb } from './policy/replay.ts';
import { reportVerb } from './policy/report.ts';
import { testVerb } from './policy/test.ts';
import { commandOfVerbs } from './verbs.ts';

export const policyCommand: Command = commandOfVerbs(
  'policy',
  'what the policies say, before they say it to anybody',
  [checkVerb, fmtVerb, testVerb, diffVerb, applyVerb, replayVerb, reportVerb, exceptVerb],
);

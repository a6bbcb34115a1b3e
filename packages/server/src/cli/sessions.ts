/** `sessions`: who is connected through the gateways, and ending that. */
import type { Command } from './io.ts';
import { killVerb } from './sessions/kill.ts';
import { lsVerb } from './sessions/ls.ts';
import { commandOfVerbs } from './verbs.ts';

export const sessionsCommand: Command = commandOfVerbs(
  'sessions',
  'who is connected through the gateways, and ending it',
  [lsVerb, killVerb],
);

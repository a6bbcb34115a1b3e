/** `sessions kill`: ends one session on both sides, as somebody who says who they are. */
import type { EndAnswer } from '../../sessions/end-session.ts';
import { passwordOf, userOf } from '../credentials.ts';
import { CliError, type Command, EXIT, type Io, printable } from '../io.ts';
import { CONFIG, onlyOne, parseOptions } from '../options.ts';
import { askDaemon, configOf } from '../place.ts';

export const killVerb: Command = {
  line: 'sessions kill ID [--as USER]',
  does: 'end a session, and cancel what it runs',
  help: `
  ID         of a session, as sessions ls shows it
  --as USER  as whom; SEALRAIL_USER, if not given
  -c FILE    the configuration that the daemon runs on
  --json     one line: kind (ended, refused); of ended: session, as sessions ls has it; of refused: reason

Whoever it is proves it by their password (SEALRAIL_PASSWORD, or asked for), and an entry says who it was
before the session ends. Everybody ends their own sessions; those of others only people do.
Exit codes: 0 ended, 64 there is no such session, 69 no daemon answers, 77 refused or not authenticated.`,
  run: kill,
};

async function kill(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, { ...CONFIG, as: { type: 'string' } });
  const id = onlyOne(positionals, 'sessions kill takes one id', 'sealrail sessions ls shows them');
  const config = await configOf(values.config, io);
  const user = userOf(values.as, config, io);
  const response = await askDaemon(config, `/api/sessions/${encodeURIComponent(id)}/kill`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user, password: await passwordOf(user, config, io) }),
  });
  const answer = (await response.json()) as Extract<EndAnswer, { kind: 'ended' | 'refused' }>;
  if (values.json) io.out(JSON.stringify(answer));
  else if (answer.kind === 'refused')
    throw new CliError(EXIT.denied, `the session goes on: ${answer.reason}`);
  else io.out(`ended: session of ${printable(answer.session.user)} on ${answer.session.target}`);
  return answer.kind === 'ended' ? EXIT.ok : EXIT.denied;
}

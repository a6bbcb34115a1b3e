/** `sessions ls`: who is connected through the gateways of the running daemon. */
import type { SessionView } from '../../gateway/postgres/session-view.ts';
import { type Command, EXIT, type Io, printable, usage } from '../io.ts';
import { CONFIG, parseOptions } from '../options.ts';
import { askDaemon, configOf } from '../place.ts';

export const lsVerb: Command = {
  line: 'sessions ls [-c FILE]',
  does: 'who is connected, since when and from where',
  help: `
  -c FILE    the configuration that the daemon runs on
  --json     one line: sessions [{id, target, user, type, address, since, backendPid, inTransaction,
             waiting, decisions, lastDecision {id, verdict, agoMs}}], oldest first

Exit codes: 0, also where nobody is connected; 69 no daemon answers.`,
  run: ls,
};

async function ls(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, CONFIG);
  if (positionals.length > 0) throw usage('sessions ls takes no name', 'sealrail sessions ls');
  const config = await configOf(values.config, io);
  const response = await askDaemon(config, '/api/sessions');
  const { sessions } = (await response.json()) as { sessions: readonly SessionView[] };
  if (values.json) io.out(JSON.stringify({ sessions }));
  else for (const session of sessions) io.out(lineOf(session));
  if (sessions.length === 0 && !values.json) io.say('nobody is connected');
  return EXIT.ok;
}

function lineOf(session: SessionView): string {
  const { id, user, type, target, address, since, inTransaction, waiting, lastDecision } = session;
  const doing = [waiting > 0 ? 'running' : 'idle', inTransaction ? 'in a transaction' : ''];
  const last = lastDecision
    ? `${lastDecision.verdict} ${Math.round(lastDecision.agoMs / 1_000)} s ago`
    : 'nothing decided yet';
  const who = `${printable(user)} (${type}) on ${target} from ${address}`;
  const state = doing.filter((word) => word !== '').join(' ');
  return `${id}  ${who}, since ${since}: ${state}, ${last}`;
}

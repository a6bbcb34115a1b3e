/** `explain`: what a text would be taken for and what policies say to it. Nothing is executed or recorded. */
import type { Explanation } from '../api/explain.ts';
import type { Config } from '../config/config.ts';
import { targetOf, userOf } from './credentials.ts';
import { explainWithoutDaemon } from './explain-alone.ts';
import { type Command, EXIT, type Io, paint, printable } from './io.ts';
import { CONFIG, onlyOne, parseOptions } from './options.ts';
import { askDaemon, configOf, NoDaemon } from './place.ts';

export const explainCommand: Command = {
  line: 'explain TEXT [--as USER] [--target T]',
  does: 'facts and verdict; nothing is executed',
  help: `
  TEXT         the statement, in quotes
  --as USER    as whom; SEALRAIL_USER, if not given
  --target T   the first one of the configuration, if not given
  -c FILE      the configuration
  --json       one line: target, user, mode, statement, facts, resources, verdict, code,
               determining, denial, syntaxError

Asks the daemon where one runs; else the policies and the database's catalog are read here.
Exit codes: 0 it would be allowed, 75 held, 77 denied, 69 neither daemon nor database answers.`,
  run: explain,
};

export interface Question {
  readonly text: string;
  readonly user: string;
  readonly target: string;
}

async function explain(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, {
    ...CONFIG,
    as: { type: 'string' },
    target: { type: 'string' },
  });
  const example = 'sealrail explain "DELETE FROM customers"';
  const text = onlyOne(positionals, 'explain takes one statement, in quotes', example);
  const config = await configOf(values.config, io);
  const user = userOf(values.as, config, io);
  const { name: target } = targetOf(values.target, config);
  const found = await ask(config, { text, user, target }, io);
  if (values.json) io.out(JSON.stringify(found));
  else show(found, io);
  return { allow: EXIT.ok, hold: EXIT.pending, deny: EXIT.denied }[found.verdict] ?? EXIT.denied;
}

async function ask(config: Config, question: Question, io: Io): Promise<Explanation> {
  try {
    const response = await askDaemon(config, '/api/explain', {
      method: 'POST',
      body: JSON.stringify(question),
      headers: { 'content-type': 'application/json' },
    });
    return (await response.json()) as Explanation;
  } catch (error) {
    if (!(error instanceof NoDaemon)) throw error;
    io.say(`${error.message}: reading policies and catalog here`);
    return explainWithoutDaemon(config, question);
  }
}

const LISTED = ['scope', 'kinds', 'risks', 'doubts', 'routines', 'readOnly'];

function show(found: Explanation, io: Io): void {
  const style = { allow: 'green', hold: 'yellow' }[found.verdict] ?? 'red';
  const verdict = paint(io, style as 'green' | 'yellow' | 'red', found.verdict);
  const line = (name: string, text: string): void => io.out(`${name.padEnd(11)} ${text}`);
  const observed = found.mode === 'observe' ? ', observed only' : '';
  line('verdict', `${verdict} (${found.code}) for ${found.user} on ${found.target}${observed}`);
  if (found.determining.length > 0) line('policies', found.determining.join(', '));
  if (found.syntaxError) {
    const { message, position } = found.syntaxError;
    const at = position === undefined ? '' : ` at character ${position}`;
    line('syntax', printable(message) + at);
  }
  if (found.denial) {
    line('message', printable(found.denial.message));
    line('hint', printable(found.denial.hint));
  }
  if (found.statement !== undefined) line('statement', printable(found.statement));
  const { sql = {} } = found.facts as { readonly sql?: Readonly<Record<string, unknown>> };
  for (const name of LISTED) {
    const value = sql[name];
    const text = Array.isArray(value) ? value.join(', ') : String(value ?? '');
    if (text !== '') line(name, printable(text));
  }
  for (const { action, id } of found.resources as readonly { action: string; id: string }[])
    line('asks', printable(`${action} on ${id}`));
}

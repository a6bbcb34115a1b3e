/** `users add`: somebody who may connect. */
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { isMap, parseDocument } from 'yaml';
import { passwordProblem, randomPassword, scramVerifier } from '../config/password.ts';
import { loadUsers, userNameProblem } from '../config/users.ts';
import { CliError, type Command, EXIT, type Io, usage } from './io.ts';
import { CONFIG, onlyOne, parseOptions } from './options.ts';
import { configOf } from './place.ts';

export const usersCommand: Command = {
  line: 'users add NAME --type T [--group G]…',
  does: 'somebody who may connect',
  help: `
  NAME        as clients connect with
  --type T    human, service or agent: policies tell them apart
  --group G   a group that policies know; may be given more than once
  --role R    a role; may be given more than once
  -c FILE     the configuration
  --json      one line: name, type, groups, roles, and password where it was made here

The password is asked for at a terminal, or taken from SEALRAIL_PASSWORD; without either a random one
is made and shown once. A running daemon takes the user over with SIGHUP.`,
  run: users,
};

const EXAMPLE = 'sealrail users add alice --type human --group analysts';

async function users(args: readonly string[], io: Io): Promise<number> {
  const [verb, ...rest] = args;
  const { values, positionals } = parseOptions(rest, {
    ...CONFIG,
    type: { type: 'string' },
    group: { type: 'string', multiple: true },
    role: { type: 'string', multiple: true },
  });
  if (verb !== 'add') throw usage('users has one command', EXAMPLE);
  const name = onlyOne(positionals, 'users add takes one name', EXAMPLE);
  const { type, group: groups = [], role: roles = [] } = values;
  if (type !== 'human' && type !== 'service' && type !== 'agent')
    throw usage('--type is one of human, service, agent', EXAMPLE);
  const problem = userNameProblem(name);
  if (problem !== undefined) throw usage(`${JSON.stringify(name)}: ${problem}`, EXAMPLE);
  const { usersFile: file } = await configOf(values.config, io);
  if (loadUsers(file).some((user) => user.name === name))
    throw new CliError(EXIT.configuration, `${name} is in ${file} already`);
  const { password, isMade } = await choosePassword(name, io);
  addUser(file, name, { type, groups, roles, scram: scramVerifier(password) });
  const shown = isMade ? { password } : {};
  if (values.json) io.out(JSON.stringify({ name, type, groups, roles, ...shown }));
  else {
    io.out(`added ${name} to ${file}`);
    if (isMade) io.out(`password, shown this once: ${password}`);
    io.say('a running daemon takes it over with SIGHUP');
  }
  return EXIT.ok;
}

async function choosePassword(
  name: string,
  io: Io,
): Promise<{ password: string; isMade: boolean }> {
  const given =
    io.env.SEALRAIL_PASSWORD ??
    (await io.askSecret?.(`password for ${name} (empty: a random one): `));
  if (given === undefined || given === '') return { password: randomPassword(), isMade: true };
  const problem = passwordProblem(given);
  if (problem !== undefined) throw usage(problem);
  return { password: given, isMade: false };
}

/**
 * Keeps comments and layout. The new file is read as a whole before it takes the old one's place, so that
 * what would not load is refused here and not at the next start.
 */
function addUser(file: string, name: string, user: Readonly<Record<string, unknown>>): void {
  const document = parseDocument(readFileSync(file, 'utf8'));
  const line = document.createNode(user, { flow: true });
  const all = document.get('users', true);
  if (isMap(all)) all.flow = false;
  document.setIn(['users', name], line);
  const next = `${file}.next`;
  try {
    writeFileSync(next, document.toString({ lineWidth: 0 }), { mode: statSync(file).mode & 0o770 });
    loadUsers(next);
    renameSync(next, file);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
}

/** The command line: one object a command, exit codes of DESIGN section 5. */
import { ConfigError } from '../config/errors.ts';
import { nearest } from '../config/nearest.ts';
import { VERSION } from '../version.ts';
import { approvalsCommand } from './approvals.ts';
import { configCommand } from './config.ts';
import { doctorCommand } from './doctor.ts';
import { ejectCommand } from './eject.ts';
import { explainCommand } from './explain.ts';
import { initCommand, keygenCommand } from './init.ts';
import { CliError, type Command, EXIT, type Io, paint, usage } from './io.ts';
import { logCommand } from './log.ts';
import { policyCommand } from './policy.ts';
import { sessionsCommand } from './sessions.ts';
import { sqlCommand } from './sql.ts';
import { statusCommand } from './status.ts';
import { processIo } from './terminal.ts';
import { upCommand } from './up.ts';
import { usersCommand } from './users.ts';
import { verifyCommand } from './verify.ts';
import { witnessCommand } from './witness.ts';

const verify: Command = {
  line: 'verify DIR|URL|FILE --key VKEY',
  does: 'offline check by files and public keys only',
  run: (args, { stdout, stderr }) => verifyCommand([...args], { stdout, stderr }),
};

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['init', initCommand],
  ['up', upCommand],
  ['config', configCommand],
  ['doctor', doctorCommand],
  ['users', usersCommand],
  ['keygen', keygenCommand],
  ['sql', sqlCommand],
  ['explain', explainCommand],
  ['log', logCommand],
  ['verify', verify],
  ['policy', policyCommand],
  ['approvals', approvalsCommand],
  ['sessions', sessionsCommand],
  ['status', statusCommand],
  ['witness', witnessCommand],
  ['eject', ejectCommand],
]);

const EPILOGUE = `
--json on every command: one line of JSON on stdout, or {"error":{"message","hint"}}.
-c FILE or SEALRAIL_CONFIG names the configuration; else it is sealrail.yaml here or above.
Exit codes: 0 ok, 1 the server's own error or a check that found something, 64 usage, 65 verification
failed, 69 unavailable, 75 pending approval, 77 denied, 78 configuration.`;

/** Runs one command and answers with its exit code; never throws. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = args;
  try {
    if (name === '--version') io.out(VERSION);
    else if (name === undefined || isHelp(name) || name === 'help') help(rest, io);
    else {
      const [command, own] = find(name, rest);
      if (command.help === undefined || !own.some(isHelp)) return await command.run(own, io);
      help(args, io);
    }
    return EXIT.ok;
  } catch (error) {
    return fail(error, rest.includes('--json'), io);
  }
}

const isHelp = (word: string): boolean => word === '--help' || word === '-h';

/** The command, or the verb of it that the next word names, and the arguments that are left for it. */
function find(name: string, rest: readonly string[]): readonly [Command, readonly string[]] {
  const command = COMMANDS.get(name);
  const verb = command?.verbs?.get(rest[0] ?? '');
  if (verb) return [verb, rest.slice(1)];
  if (command) return [command, rest];
  const meant = nearest(name, [...COMMANDS.keys()]);
  throw usage(
    `there is no command ${JSON.stringify(name)}`,
    meant === undefined ? 'sealrail --help lists them' : `did you mean sealrail ${meant}?`,
  );
}

function help([name, ...rest]: readonly string[], io: Io): void {
  if (name !== undefined) {
    const [{ line, does, help: text }] = find(name, rest);
    io.out(`sealrail ${line}\n\n${does}`);
    if (text !== undefined) io.out(text.trimEnd());
    return;
  }
  io.out(`sealrail ${VERSION}: decides before it happens, and proves what was decided\n`);
  for (const { line, does } of COMMANDS.values()) io.out(`  sealrail ${line.padEnd(38)} ${does}`);
  io.out(EPILOGUE);
}

function fail(error: unknown, json: boolean, io: Io): number {
  const message = error instanceof Error ? error.message : String(error);
  const { code = '', hint } = error as { code?: string; hint?: string };
  const problems = error instanceof ConfigError ? { problems: error.problems } : {};
  if (json) io.out(JSON.stringify({ error: { message, ...(hint ? { hint } : {}), ...problems } }));
  else {
    io.say(`${paint(io, 'red', 'error:')} ${message}`);
    if (hint) io.say(`hint: ${hint}`);
  }
  if (error instanceof CliError) return error.exit;
  // What is wrong with a log, its key or its files is wrong until somebody does something about it.
  const isStanding = error instanceof ConfigError || /^(LOG|KEY|NOTE|SIDE_STORE)_/.test(code);
  return isStanding ? EXIT.configuration : EXIT.unavailable;
}

export async function main(args: readonly string[]): Promise<void> {
  process.exitCode = await run(args, processIo());
  // What was written to a socket or a pipe may still be on its way, and exit() would cut it off.
  for (const stream of [process.stdout, process.stderr])
    await new Promise<void>((resolve) => stream.write('', () => resolve()));
  // Connections that linger must not keep a finished command alive.
  process.exit();
}

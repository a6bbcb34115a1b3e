/** The command line: one function a command, exit codes of DESIGN section 5. */
import { ConfigError } from '../config/errors.ts';
import { nearest } from '../config/nearest.ts';
import { VERSION } from '../version.ts';
import { configCommand, initCommand, keygenCommand, policyCommand, usersCommand } from './init.ts';
import { CliError, type Command, EXIT, type Io, paint, processIo } from './io.ts';
import { logCommand } from './log.ts';
import { explainCommand, sqlCommand, statusCommand, upCommand } from './run.ts';
import { verifyCommand } from './verify.ts';

const verify: Command = (args, io) =>
  verifyCommand([...args], { stdout: io.stdout, stderr: io.stderr });

const COMMANDS: Readonly<
  Record<string, { readonly run: Command; readonly line: string; readonly does: string }>
> = {
  init: {
    run: initCommand,
    line: 'init [DIR] [--origin NAME]',
    does: 'a commented sealrail.yaml, starter policies, a key and an empty log',
  },
  up: { run: upCommand, line: 'up [-c FILE]', does: 'the daemon: gateways, log, console' },
  config: {
    run: configCommand,
    line: 'config check [-c FILE]',
    does: 'what is wrong in the configuration, file and line',
  },
  users: {
    run: usersCommand,
    line: 'users add NAME --type T [--group G]',
    does: 'somebody who may connect',
  },
  keygen: { run: keygenCommand, line: 'keygen ORIGIN [-o FILE]', does: 'a signing key for a log' },
  sql: {
    run: sqlCommand,
    line: 'sql TEXT [--as USER]',
    does: 'run one statement through a gateway',
  },
  explain: {
    run: explainCommand,
    line: 'explain TEXT [--as USER]',
    does: 'facts and verdict; nothing is executed',
  },
  log: {
    run: logCommand,
    line: 'log tail|search|show|prove',
    does: 'the log in a terminal; prove N writes a receipt',
  },
  verify: {
    run: verify,
    line: 'verify DIR|URL|FILE --key VKEY',
    does: 'offline check by files and public keys only',
  },
  policy: { run: policyCommand, line: 'policy check [DIR]', does: 'parse and validate policies' },
  status: {
    run: statusCommand,
    line: 'status',
    does: 'log, policies and targets of the running daemon',
  },
};

function help(io: Io): void {
  io.out(`sealrail ${VERSION}: decides before it happens, and proves what was decided\n`);
  for (const { line, does } of Object.values(COMMANDS))
    io.out(`  sealrail ${line.padEnd(38)} ${does}`);
  io.out(
    '\n--json on every command; exit codes: 0 ok, 64 usage, 65 verification failed, 69 unavailable,',
  );
  io.out(
    '75 pending approval, 77 denied, 78 configuration. SEALRAIL_CONFIG names the configuration.',
  );
}

/** Runs one command and answers with its exit code; never throws. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    help(io);
    return EXIT.ok;
  }
  if (name === '--version') {
    io.out(VERSION);
    return EXIT.ok;
  }
  const command = COMMANDS[name];
  try {
    if (!command) {
      const meant = nearest(name, Object.keys(COMMANDS));
      throw new CliError(
        EXIT.usage,
        `there is no command ${name}`,
        meant === undefined ? 'sealrail --help lists them' : `did you mean ${meant}?`,
      );
    }
    if ((rest.includes('--help') || rest.includes('-h')) && name !== 'verify') {
      io.out(`sealrail ${command.line}\n  ${command.does}`);
      return EXIT.ok;
    }
    return await command.run(rest, io);
  } catch (error) {
    return fail(error, io);
  }
}

function fail(error: unknown, io: Io): number {
  const known = error instanceof CliError ? error : undefined;
  io.say(`${paint(io, 'red', 'error:')} ${error instanceof Error ? error.message : String(error)}`);
  if (known?.hint !== undefined) io.say(`hint: ${known.hint}`);
  if (known) return known.exit;
  return error instanceof ConfigError ? EXIT.configuration : EXIT.unavailable;
}

export async function main(args: readonly string[]): Promise<void> {
  process.exitCode = await run(args, processIo());
  // Sockets that linger must not keep a finished command alive.
  process.exit();
}

/** `up`: the daemon in this process, until a signal or a failed log ends it. */
import { ApiUnavailable } from '../api/api.ts';
import { ConfigError } from '../config/errors.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { GatewayRefused } from '../gateway/postgres/gateway.ts';
import { CliError, type Command, EXIT, type Io } from './io.ts';
import { CONFIG, parseOptions } from './options.ts';
import { configOf } from './place.ts';

export const upCommand: Command = {
  line: 'up [-c FILE]',
  does: 'the daemon: gateways, log, console',
  help: `
  -c FILE    the configuration

When it is ready it prints one line of JSON: ready, api, gateways [{target, address}], vkey.
SIGHUP reads the configuration again, or keeps the old one and says why; SIGINT and SIGTERM stop it.
Exit codes: 0 stopped, 69 unavailable (an address is taken, the upstream does not answer, another
process holds the log, the log has failed), 78 configuration (or a log that does not hold).`,
  run: up,
};

async function up(args: readonly string[], io: Io): Promise<number> {
  const { values } = parseOptions(args, CONFIG);
  let daemon: Daemon;
  try {
    daemon = await startDaemon(await configOf(values.config, io));
  } catch (error) {
    throw startFailure(error);
  }
  greet(daemon, io);
  return untilStopped(daemon, io);
}

const UNWRITABLE = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR'];

/** Every way in which a start fails, as a sentence and an exit code. */
export function startFailure(error: unknown): Error {
  if (error instanceof CliError || error instanceof ConfigError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof GatewayRefused)
    return new CliError(
      error.kind === 'unavailable' ? EXIT.unavailable : EXIT.configuration,
      message,
    );
  if (error instanceof ApiUnavailable) return new CliError(EXIT.unavailable, message);
  const { code = '', hint } = error as { code?: string; hint?: string };
  if (code === 'LOG_MISSING')
    return new CliError(
      EXIT.configuration,
      message,
      'sealrail init --log-only creates the empty log that the configuration names',
    );
  if (code === 'LOG_LOCKED') return new CliError(EXIT.unavailable, message, hint);
  if (/^(LOG|KEY|SIDE_STORE)_/.test(code)) return new CliError(EXIT.configuration, message, hint);
  if (UNWRITABLE.includes(code))
    return new CliError(
      EXIT.configuration,
      `the data directory cannot be used: ${message}`,
      'log.dir and log.state belong to the user that runs Sealrail',
    );
  return new CliError(EXIT.unavailable, message, hint);
}

function greet(daemon: Daemon, io: Io): void {
  const { recovery, size, vkey } = daemon.log;
  const cut = recovery.cutTail ? `, cut a torn tail of ${recovery.cutTail.bytes} bytes` : '';
  io.say(`log: ${size} entries, epoch ${recovery.epoch}${cut}`);
  for (const warning of daemon.warnings) io.say(`warning: ${warning}`);
  for (const { target, address } of daemon.gateways)
    io.say(`${target}: postgres gateway on ${address.host}:${address.port}`);
  io.say(`console: ${daemon.api.url}`);
  io.out(JSON.stringify({ ready: true, api: daemon.api.url, gateways: daemon.gateways, vkey }));
}

function untilStopped(daemon: Daemon, io: Io): Promise<number> {
  return new Promise((resolve) => {
    process.on('SIGHUP', () => {
      void daemon
        .reload()
        .then(({ ok, message }) =>
          io.say(ok ? `reloaded: ${message}` : `kept the old configuration: ${message}`),
        );
    });
    let stopping = false;
    const stop = (exit: number): void => {
      if (stopping) return;
      stopping = true;
      daemon.close().then(
        () => resolve(exit),
        (error: unknown) => {
          io.say(`error: ${error instanceof Error ? error.message : error}`);
          resolve(EXIT.unavailable);
        },
      );
    };
    process.on('SIGINT', () => stop(EXIT.ok));
    process.on('SIGTERM', () => stop(EXIT.ok));
    // Whoever started this process with a channel to it wants it to end with itself, however it ends.
    if (process.connected) process.on('disconnect', () => stop(EXIT.ok));
    void daemon.failed.then((error) => {
      io.say(`error: the log has failed, and everything is denied: ${error.message}`);
      stop(EXIT.unavailable);
    });
  });
}

/** `eject`: how to leave. It changes nothing; leaving is pointing the connection string back. */
import { formatAddress } from '../config/address.ts';
import type { PostgresTarget } from '../config/config.ts';
import { type Remains, readRemains } from '../doctor/remains.ts';
import { targetOf } from './credentials.ts';
import { type Command, counted, EXIT, type Io, paint, printable } from './io.ts';
import { CONFIG, onlyOne, parseOptions } from './options.ts';
import { configOf } from './place.ts';

export const ejectCommand: Command = {
  line: 'eject TARGET [-c FILE]',
  does: 'how to leave: what clients connect to again, and what to remove',
  help: `
  TARGET     a target of the configuration
  -c FILE    the configuration
  --json     one line: target, connection, gateway, steps, and database {installed, owned, sessions: each
             {count, names}}, or unchecked with the reason

Prints, and changes nothing. It asks the database, in a read-only transaction, whether anything of
Sealrail is in it; nothing ever is.
Exit codes: 0 nothing is in the database, 1 something there bears the name, 69 it could not be asked.`,
  run: eject,
};

async function eject(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, CONFIG);
  const name = onlyOne(positionals, 'eject takes one target', 'sealrail eject shop');
  const target = targetOf(name, await configOf(values.config, io));
  const looked = await readRemains(target).catch((error: unknown) =>
    error instanceof Error ? error.message : String(error),
  );
  const steps = stepsOf(target);
  if (values.json) {
    const database = typeof looked === 'string' ? { unchecked: looked } : { database: looked };
    const gateway = formatAddress(target.listen);
    io.out(
      JSON.stringify({
        target: name,
        connection: connectionOf(target),
        gateway,
        steps,
        ...database,
      }),
    );
  } else {
    io.out(`${name}: clients connect to ${connectionOf(target)} again,`);
    io.out(`instead of to the gateway at ${formatAddress(target.listen)}`);
    for (const [at, step] of steps.entries()) io.out(`  ${at + 1}. ${step}`);
    showRemains(looked, io);
  }
  if (typeof looked === 'string') return EXIT.unavailable;
  return looked.installed.count === 0 ? EXIT.ok : EXIT.failed;
}

/** With a role of the database's own: names and passwords of users.yaml mean nothing there. */
function connectionOf({ upstream }: PostgresTarget): string {
  const address = formatAddress({ host: upstream.host, port: upstream.port });
  return `postgres://ROLE@${address}/${encodeURIComponent(upstream.database)}`;
}

function stepsOf({ name, upstream }: PostgresTarget): string[] {
  return [
    'point the connection strings of clients back: host, port, and a role of the database with its own password',
    'open the way that was closed around the gateway, if it was: pg_hba.conf, the firewall',
    `take target ${name} out of sealrail.yaml and start the daemon again, or stop it if it guards nothing else`,
    `in the database, if role ${upstream.user} was made for the gateway: REASSIGN OWNED BY it, DROP OWNED BY it, DROP ROLE`,
    'keep the log and its public key: sealrail verify and sealrail log go on reading it without a daemon',
  ];
}

function showRemains(looked: Remains | string, io: Io): void {
  if (typeof looked === 'string') {
    io.say(`the database could not be asked whether anything is in it: ${printable(looked)}`);
    return;
  }
  const { installed, owned, sessions } = looked;
  if (installed.count === 0)
    io.out(
      `${paint(io, 'green', 'checked')}: nothing of Sealrail is in the database: no object or setting bears its name`,
    );
  else
    io.out(
      `${paint(io, 'red', 'found')}: ${counted(installed.count, 'object')} with its name in it, which it did not make: ${installed.names.map(printable).join(', ')}`,
    );
  if (owned.count > 0)
    io.out(
      `the role of the gateway owns ${counted(owned.count, 'relation')}, which clients made: ${owned.names.map(printable).join(', ')}${owned.count > owned.names.length ? ', …' : ''}`,
    );
  if (sessions.count > 0)
    io.out(
      `${counted(sessions.count, 'session')} still ${sessions.count === 1 ? 'comes' : 'come'} through a gateway`,
    );
}

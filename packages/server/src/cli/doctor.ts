/** `doctor`: what stands between a target and being guarded. Needs no daemon. */

import type { PostgresTarget } from '../config/config.ts';
import { type DoctorFinding, examine, type Severity } from '../doctor/examine.ts';
import { observeTarget } from '../doctor/observe.ts';
import type { Observed } from '../doctor/observed.ts';
import { trustProblem } from '../gateway/postgres/dial.ts';
import { addressOf } from '../gateway/postgres/gateway.ts';
import { targetOf } from './credentials.ts';
import { CliError, type Command, counted, EXIT, type Io, paint, printable } from './io.ts';
import { CONFIG, onlyOne, parseOptions } from './options.ts';
import { configOf } from './place.ts';

export const doctorCommand: Command = {
  line: 'doctor TARGET [-c FILE]',
  does: 'what stands between a target and being guarded',
  help: `
  TARGET     a target of the configuration
  -c FILE    the configuration
  --json     one line: target, host, port, database, findings [{code, severity, message, todo, count,
             names}]; severity is blocker, warning, note or ok; count is of all, names of the first ten

Connects as the gateway would, and asks in read-only transactions: nothing there is changed, and the
daemon need not run. It looks at the way there (TLS, poolers in between), the server's version, the
privileges of the role, what a reader of statements does not see (functions with their owner's rights,
extensions, foreign servers, triggers, rules, row security), what changes for clients, and whether the
database can be reached around the gateway.
Exit codes: 0 nothing blocks, 69 the upstream does not answer, 78 something blocks.`,
  run: doctor,
};

async function doctor(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, CONFIG);
  const name = onlyOne(positionals, 'doctor takes one target', 'sealrail doctor shop');
  const config = await configOf(values.config, io);
  const target = targetOf(name, config);
  const findings = examine(target, await observe(target));
  const { host, port, database } = target.upstream;
  if (values.json) io.out(JSON.stringify({ target: target.name, host, port, database, findings }));
  else show(target, findings, io);
  return findings.some(({ severity }) => severity === 'blocker') ? EXIT.configuration : EXIT.ok;
}

async function observe(target: PostgresTarget): Promise<Observed> {
  try {
    return await observeTarget(target);
  } catch (error) {
    const { host, port } = target.upstream;
    const where = `the upstream ${host}:${port} of target ${target.name}`;
    const problem = trustProblem(error, addressOf(target));
    if (problem !== undefined)
      throw new CliError(EXIT.configuration, `${where} cannot be trusted: ${problem}`);
    const { message = String(error), code = '' } = error as { message?: string; code?: string };
    // What the server answers to a wrong name, password or database is wrong until somebody changes it.
    const exit = /^(28|3D)/.test(code) ? EXIT.configuration : EXIT.unavailable;
    throw new CliError(exit, `${where} cannot be looked at: ${message}`);
  }
}

const COLORS = { blocker: 'red', warning: 'yellow', note: 'cyan', ok: 'green' } as const;

function show(target: PostgresTarget, findings: readonly DoctorFinding[], io: Io): void {
  for (const { severity, message, todo, count = 0, names = [] } of findings) {
    io.out(`${paint(io, COLORS[severity], severity.padEnd(8))} ${printable(message)}`);
    const more = count > names.length ? ', …' : '';
    if (names.length > 0) io.out(`         ${names.map(printable).join(', ')}${more}`);
    if (todo !== undefined) io.out(`         do: ${todo}`);
  }
  const of = (severity: Severity) => findings.filter((one) => one.severity === severity).length;
  const [blockers, warnings] = [of('blocker'), of('warning')];
  const verdict = blockers === 0 ? 'can be guarded' : 'cannot be guarded yet';
  io.out(
    `${target.name} ${verdict}: ${counted(blockers, 'blocker')}, ${counted(warnings, 'warning')}`,
  );
}

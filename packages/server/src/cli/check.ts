/** `config check` and `policy check`: what is wrong before anything runs. */
import { resolve } from 'node:path';
import { loadPolicies } from '../config/policies.ts';
import { warningsOf } from '../config/warnings.ts';
import { type Command, EXIT, type Io, usage } from './io.ts';
import { CONFIG, parseOptions } from './options.ts';
import { configOf } from './place.ts';

export const configCommand: Command = {
  line: 'config check [-c FILE]',
  does: 'what is wrong in the configuration, file and line',
  help: `
Looks at the configuration, the users, the secrets that it refers to, and the policies.

  -c FILE    the configuration
  --json     one line: file, targets, users, policies, policySet, digest, warnings; or
             error {message, problems [{file, line, column, message, hint}]}

Exit codes: 0 nothing is wrong, 78 something is.`,
  run: checkConfig,
};

export const policyCommand: Command = {
  line: 'policy check [DIR] [-c FILE]',
  does: 'parse and validate policies',
  help: `
  DIR        a folder of .cedar files; without it, that of the configuration
  -c FILE    the configuration
  --json     one line: folder, policies (ids), policySet; or error {message, problems}`,
  run: checkPolicies,
};

async function checkConfig(args: readonly string[], io: Io): Promise<number> {
  const [verb, ...rest] = args;
  const { values } = parseOptions(rest, CONFIG);
  if (verb !== 'check') throw usage('config has one command', 'sealrail config check [-c FILE]');
  const config = await configOf(values.config, io);
  const policies = loadPolicies(config.policies);
  const warnings = warningsOf(config);
  const { file, digest } = config;
  const summary = {
    file,
    targets: config.targets.length,
    users: config.users.length,
    policies: policies.policies.length,
    policySet: policies.digest,
    digest,
    warnings,
  };
  policies.close();
  if (values.json) {
    io.out(JSON.stringify(summary));
    return EXIT.ok;
  }
  for (const warning of warnings) io.say(`warning: ${warning}`);
  const counts = [
    counted(summary.targets, 'target'),
    counted(summary.users, 'user'),
    counted(summary.policies, 'policy', 'policies'),
  ];
  io.out(`${file}: ${counts.join(', ')}: nothing is wrong`);
  return EXIT.ok;
}

const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

async function checkPolicies(args: readonly string[], io: Io): Promise<number> {
  const [verb, ...rest] = args;
  const { values, positionals } = parseOptions(rest, CONFIG);
  if (verb !== 'check' || positionals.length > 1)
    throw usage('policy has one command in this version', 'sealrail policy check [DIR]');
  const [given] = positionals;
  const folder =
    given === undefined ? (await configOf(values.config, io)).policies : resolve(io.cwd, given);
  const { policies, digest, close } = loadPolicies(folder);
  close();
  if (values.json)
    io.out(JSON.stringify({ folder, policies: policies.map(({ id }) => id), policySet: digest }));
  else
    io.out(
      `${folder}: ${counted(policies.length, 'policy', 'policies')}: nothing is wrong (set ${digest.slice(0, 12)})`,
    );
  return EXIT.ok;
}

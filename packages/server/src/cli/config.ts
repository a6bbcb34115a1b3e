/** `config check`: what is wrong before anything runs. */
import { loadPolicies } from '../config/policies.ts';
import { warningsOf } from '../config/warnings.ts';
import { type Command, counted, EXIT, type Io, usage } from './io.ts';
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

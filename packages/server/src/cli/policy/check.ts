/** `policy check`: what is wrong with policies before they are in force. */
import { loadPolicies } from '../../config/policies.ts';
import { type Command, counted, EXIT, type Io } from '../io.ts';
import { CONFIG, parseOptions } from '../options.ts';
import { policyFolder } from './folder.ts';

export const checkVerb: Command = {
  line: 'policy check [DIR] [-c FILE]',
  does: 'parse and validate policies',
  help: `
  DIR        a folder of .cedar files; without it, that of the configuration
  -c FILE    the configuration
  --json     one line: folder, policies (ids), policySet; or error {message, problems}`,
  run: checkPolicies,
};

async function checkPolicies(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, CONFIG);
  const folder = policyFolder(positionals, values.config, io);
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

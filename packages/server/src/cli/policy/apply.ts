/** `policy apply`: asks the running daemon, under the policies in force, for other ones. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ConfigError } from '../../config/errors.ts';
import type { Applied } from '../../policy/apply.ts';
import { POLICY_FILE } from '../../policy/policy-folder.ts';
import { passwordOf, userOf } from '../credentials.ts';
import { CliError, type Command, EXIT, type Io, paint, printable, usage } from '../io.ts';
import { CONFIG, onlyOne, parseOptions } from '../options.ts';
import { askDaemon, configOf } from '../place.ts';
import { changeLine } from './words.ts';

export const applyVerb: Command = {
  line: 'policy apply DIR [--why TEXT]',
  does: 'put policies in force, if those in force allow it',
  help: `
  DIR            a folder of .cedar files, and of .test.yaml files beside them
  --why TEXT     the reason; it stands in the log
  --from DIGEST  the set that DIR was made from: refused where another one is in force by now
  --rollback     DIR was in force before and is meant to come back
  --as USER      as whom; SEALRAIL_USER, if not given
  -c FILE        the configuration
  --json         one line: kind (decided, invalid, refused); of decided: verdict, decisionId, before,
                 after, loosens, changes [{id, effect, change, loosens, tightens}], denial; of
                 invalid: problems; of refused: reason, hint

The running daemon decides on it: an action policy.apply on the PolicySet, by whoever's password it
is (SEALRAIL_PASSWORD, or asked for), with what changes and whether it loosens as facts. If it is
allowed, the files of the configuration's folder are replaced as a whole, the set is swapped and a
change entry says so. What needs the approval of others is held, and they are asked for it; once
they have approved it (sealrail approvals), the same command run again puts it in force.
Exit codes: 0 in force, 64 refused (an older version, another set in force), 75 held, 77 denied or
not authenticated, 78 the candidate does not load, 69 no daemon answers.`,
  run: apply,
};

async function apply(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, {
    ...CONFIG,
    why: { type: 'string' },
    from: { type: 'string' },
    rollback: { type: 'boolean' },
    as: { type: 'string' },
  });
  const given = onlyOne(
    positionals,
    'policy apply takes one folder',
    'sealrail policy apply ./new',
  );
  if (values.from !== undefined && !/^[0-9a-f]{64}$/.test(values.from))
    throw usage('--from takes the digest of a set', 'sealrail policy check --json shows it');
  const config = await configOf(values.config, io);
  const files = filesOf(resolve(io.cwd, given));
  const user = userOf(values.as, config, io);
  const response = await askDaemon(config, '/api/policy/apply', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      user,
      password: await passwordOf(user, config, io),
      files,
      why: values.why ?? '',
      rollback: values.rollback === true,
      ...(values.from === undefined ? {} : { from: values.from }),
    }),
  });
  const applied = (await response.json()) as Applied;
  if (values.json) io.out(JSON.stringify(applied));
  else show(applied, io);
  return exitOf(applied);
}

function filesOf(folder: string): readonly { readonly name: string; readonly text: string }[] {
  try {
    const names = readdirSync(folder).filter((name) => POLICY_FILE.test(name));
    if (names.length > 0)
      return names.sort().map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(EXIT.configuration, `couldn't read the candidate: ${reason}`);
  }
  throw new CliError(EXIT.configuration, `${folder} holds no .cedar file`);
}

function exitOf(applied: Applied): number {
  switch (applied.kind) {
    case 'invalid':
      return EXIT.configuration;
    case 'refused':
      return EXIT.usage;
    case 'not-authenticated':
      return EXIT.denied;
    case 'decided':
      return { allow: EXIT.ok, hold: EXIT.pending, deny: EXIT.denied }[applied.verdict];
  }
}

function show(applied: Applied, io: Io): void {
  switch (applied.kind) {
    case 'invalid':
      throw new ConfigError(applied.problems);
    case 'refused':
      throw usage(applied.reason, applied.hint);
    case 'not-authenticated':
      throw new CliError(EXIT.denied, 'the name or the password is wrong');
    case 'decided':
      showDecided(applied, io);
  }
}

function showDecided(applied: Extract<Applied, { kind: 'decided' }>, io: Io): void {
  const { verdict, decisionId, after, denial, changes } = applied;
  for (const change of changes) io.out(changeLine(change, io));
  if (verdict === 'allow') {
    io.out(`${paint(io, 'green', 'in force:')} set ${after.slice(0, 12)}, decision ${decisionId}`);
    return;
  }
  const word = verdict === 'hold' ? paint(io, 'yellow', 'held') : paint(io, 'red', 'denied');
  const by = denial?.policy === undefined ? '' : ` by policy ${denial.policy}`;
  io.out(`${word}${by}: ${printable(denial?.message ?? '')}`);
  if (denial?.hint) io.say(`hint: ${printable(denial.hint)}`);
  for (const id of denial?.requests ?? []) io.out(`request ${id}`);
  io.out(`nothing changed; decision ${decisionId}`);
}

/** `status`: the running daemon in a few lines. */

import type { Status } from '../api/status.ts';
import { formatAddress } from '../config/address.ts';
import { type Command, EXIT, type Io } from './io.ts';
import { CONFIG, parseOptions } from './options.ts';
import { askDaemon, configOf } from './place.ts';

export const statusCommand: Command = {
  line: 'status [-c FILE]',
  does: 'log, policies and targets of the running daemon',
  help: `
  -c FILE    the configuration that the daemon runs on
  --json     one line: origin, vkey, size, signedSize, witnessedSize, checkpointAgeMs, durability, policySet,
             targets, findings, recovery, scrubbed, rollback, failed, time`,
  run: status,
};

async function status(args: readonly string[], io: Io): Promise<number> {
  const { values } = parseOptions(args, CONFIG);
  const config = await configOf(values.config, io);
  const found = (await (await askDaemon(config, '/api/status')).json()) as Status;
  if (values.json) io.out(JSON.stringify(found));
  else show(found, io);
  return found.failed === undefined ? EXIT.ok : EXIT.unavailable;
}

function show(found: Status, io: Io): void {
  const { origin, size, signedSize, witnessedSize, durability, policySet, targets, findings } =
    found;
  io.out(`log       ${origin}`);
  const witnessed = witnessedSize === undefined ? '' : `, ${witnessedSize} witnessed`;
  io.out(`entries   ${size} durable, ${signedSize} signed${witnessed} (${durability})`);
  io.out(`policies  set ${policySet.slice(0, 12)}`);
  for (const { name, kind, env, mode, listen } of targets) {
    const shown = typeof mode === 'string' ? mode : `enforce for ${mode.enforce.join(', ')}`;
    io.out(`target    ${name}: ${kind}, ${env}, ${shown}, on ${formatAddress(listen)}`);
  }
  if (findings.count > 0)
    io.out(
      `findings  ${findings.count} since entry ${findings.since}: sealrail log tail --kind finding`,
    );
  io.out(`note      ${found.rollback}`);
  if (found.failed !== undefined) io.out(`failed    ${found.failed}`);
}

/** What the daemon would answer to `explain`, where none runs: from the same policies and the same catalog. */
import { openGuard, systemClock } from '@sealrail/sdk';
import { type Explanation, explainSql } from '../api/explain.ts';
import { formatAddress } from '../config/address.ts';
import type { Config } from '../config/config.ts';
import { loadPolicies } from '../config/policies.ts';
import { openCatalog } from '../gateway/postgres/catalog.ts';
import { trustProblem } from '../gateway/postgres/dial.ts';
import type { Gateway } from '../gateway/postgres/gateway.ts';
import { Readings } from '../gateway/postgres/judge.ts';
import { openParser, serverLine } from '../gateway/postgres/parse.ts';
import { targetOf } from './credentials.ts';
import type { Question } from './explain.ts';
import { CliError, EXIT, usage } from './io.ts';

/** Throws CliError where the database cannot be asked what its names mean: without it nothing is known. */
export async function explainWithoutDaemon(
  config: Config,
  question: Question,
): Promise<Explanation> {
  const policySet = loadPolicies(config.policies);
  const target = targetOf(question.target, config);
  const catalog = await openCatalog(() => target.upstream, target.upstream.accept).catch(
    (error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      return { refused: trustProblem(error, target.upstream) ?? reason };
    },
  );
  if ('refused' in catalog)
    throw new CliError(
      EXIT.unavailable,
      `neither the daemon nor the database answers: ${formatAddress(target.upstream)}: ${catalog.refused}`,
      'facts depend on what names mean there',
    );
  try {
    const line = serverLine(catalog.serverVersion);
    if (line === undefined)
      throw usage(`PostgreSQL ${catalog.serverVersion} is not supported by this version`);
    const readings = new Readings(await openParser(line));
    const guard = openGuard({
      policySet,
      recorder: { clock: systemClock(), record: recordsNothing },
    });
    const gateway: Gateway = {
      catalog,
      readings,
      address: target.listen,
      sessions: 0,
      list: () => [],
      kill: async () => false,
      reload: () => undefined,
      close: () => catalog.close(),
    };
    const gateways = new Map([[target.name, gateway]]);
    const found = explainSql(
      { gateways, guard, users: () => config.users, targets: () => config.targets },
      question,
    );
    if ('problem' in found) throw usage(found.problem);
    return found;
  } finally {
    await catalog.close();
    policySet.close();
  }
}

function recordsNothing(): never {
  throw new Error('explain records nothing');
}

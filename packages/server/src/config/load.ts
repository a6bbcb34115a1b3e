/** Reads sealrail.yaml and what it names. Every problem says file, line and column, and what to do. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';
import { encodeCanonical, type Json } from '@sealrail/sdk';
import { isKeyName, openSigner, parseWitnessPolicy, sha256 } from '@sealrail/tlog';
import { formatAddress } from './address.ts';
import type { References } from './certificates.ts';
import type { Config, LogConfig, PostgresTarget, User } from './config.ts';
import { ConfigError } from './errors.ts';
import { resolveCertificates, resolveSecret, type Secret, type SecretOptions } from './secret.ts';
import { configKeys, configShape, type RawConfig, type RawLog } from './shape.ts';
import { YamlSource } from './source.ts';
import { loopbackAddress, targetOf } from './target.ts';
import { loadUsers } from './users.ts';

/** Throws ConfigError with everything that is wrong, not only the first of it. */
export async function loadConfig(
  path: string,
  env: SecretOptions['env'] = process.env,
): Promise<Config> {
  const file = resolve(path);
  const folder = dirname(file);
  const source = new YamlSource(file);
  const raw = source.check(configShape, configKeys);
  if (!raw) throw source.error();
  const resolved = (at: readonly PropertyKey[], found: Secret): string => {
    if ('value' in found) return found.value;
    source.add(at, `${at.map(String).join('.')}: ${found.problem}`, found.hint);
    return '';
  };
  const references: References = {
    secret: async (at, reference) => resolved(at, await resolveSecret(reference, { folder, env })),
    certificates: async (at, reference) =>
      resolved(at, await resolveCertificates(reference, { folder, env })),
  };
  if (raw.identity.oidc !== undefined)
    source.add(
      ['identity', 'oidc'],
      'identity.oidc is not supported by this version',
      'leave it out, and list users in users.yaml',
    );
  const log = await logOf(source, raw.log, folder, references.secret);
  const targets: PostgresTarget[] = [];
  for (const [name, one] of Object.entries(raw.targets))
    targets.push(await targetOf(source, name, one, references));
  if (targets.length === 0)
    source.add(['targets'], 'targets names nothing to guard', 'sealrail init shows a target');
  const listen = loopbackAddress(source, ['api', 'listen'], {
    text: raw.api.listen,
    why: 'the console has no login yet',
  });
  checkListeners(source, targets, formatAddress(listen));
  const usersFile = resolve(folder, raw.identity.users);
  const users = usersOf(source, usersFile);
  if (source.isWrong) throw source.error();
  const canonical = canonicalForm(raw, users, log, targets);
  return {
    file,
    log,
    users,
    usersFile,
    targets,
    policies: resolve(folder, raw.policies),
    api: { listen },
    canonical,
    digest: createHash('sha256').update(canonical).digest('hex'),
  };
}

type Secrets = References['secret'];

async function logOf(
  source: YamlSource,
  raw: RawLog,
  folder: string,
  secrets: Secrets,
): Promise<LogConfig> {
  const dir = resolve(folder, raw.dir);
  const state = resolve(folder, raw.state);
  // A copy of the data directory put back must not bring its own memory of what was signed along.
  if (state === dir || state.startsWith(dir + sep))
    source.add(
      ['log', 'state'],
      'log.state lies within log.dir: a rollback of one would be a rollback of both',
      'keep it elsewhere, if possible on another disk',
    );
  const key = await keyOf(source, raw, secrets);
  const { origin, durability, values } = raw;
  const witnesses = witnessesOf(source, raw, folder);
  return { dir, state, origin, key, durability, values, ...(witnesses && { witnesses }) };
}

/** Read once and kept as text: what is in force does not change with the file, and its digest is logged. */
function witnessesOf(source: YamlSource, raw: RawLog, folder: string): LogConfig['witnesses'] {
  if (raw.witnesses === undefined) return undefined;
  const { policy: file, failOpen } = raw.witnesses;
  const refuse = (message: string, hint?: string): undefined => {
    source.add(['log', 'witnesses', 'policy'], `log.witnesses.policy: ${message}`, hint);
  };
  try {
    const bytes = readFileSync(resolve(folder, file));
    const { witnesses, logs } = parseWitnessPolicy(bytes, sha256);
    const silent = witnesses.find(({ url }) => url === undefined);
    if (witnesses.length === 0)
      return refuse('names no witness', 'leave log.witnesses out instead');
    if (silent) return refuse(`the witness ${silent.name} has no URL`, 'the log has to reach it');
    if (logs.length > 0 && !logs.some(({ key }) => key.name === raw.origin))
      return refuse(`has log lines, and none of ${raw.origin}`);
    return { policy: bytes.toString(), failOpen };
  } catch (error) {
    const { hint, code, message } = error as NodeJS.ErrnoException & { hint?: string };
    if (code === 'POLICY_MALFORMED') return refuse(`${file}: ${message}`, hint);
    return refuse(`${file} cannot be read: ${code ?? message}`);
  }
}

/** A log and its key have one name (log-design.md, Identity). */
async function keyOf(source: YamlSource, raw: RawLog, secrets: Secrets): Promise<string> {
  if (!isKeyName(raw.origin))
    source.add(
      ['log', 'origin'],
      `log.origin: ${JSON.stringify(raw.origin)} is no origin`,
      'such as example.com/prod: no scheme, no white space, no +',
    );
  const key = await secrets(['log', 'key'], raw.key);
  // Then the reference itself is the problem, and was said.
  if (key === '') return '';
  const name = keyNameOf(key);
  if (name === undefined)
    source.add(['log', 'key'], 'log.key is no signing key', 'sealrail keygen ORIGIN makes one');
  else if (name !== raw.origin)
    source.add(
      ['log', 'key'],
      `log.key is the key of ${name}, and log.origin is ${raw.origin}`,
      'a log and its key have one name, which never changes',
    );
  return key;
}

function keyNameOf(key: string): string | undefined {
  try {
    return openSigner(key).key.name;
  } catch {
    return undefined;
  }
}

function checkListeners(source: YamlSource, targets: readonly PostgresTarget[], api: string): void {
  const taken = new Map([[api, 'api.listen']]);
  for (const { name, listen } of targets) {
    const address = formatAddress(listen);
    const other = taken.get(address);
    if (other !== undefined)
      source.add(['targets', name, 'listen'], `${address} is that of ${other} already`);
    taken.set(address, `targets.${name}`);
  }
}

/** What is wrong with the users is said together with what is wrong with the configuration. */
function usersOf(source: YamlSource, file: string): User[] {
  try {
    return loadUsers(file);
  } catch (error) {
    if (!(error instanceof ConfigError) || !source.isWrong) throw error;
    throw source.error(error.problems);
  }
}

/**
 * What the `change` entry's digest is of, and an auditor can be shown: secrets by reference, as they
 * stand. Of a verifier a digest, salted as it is, and of certificates too: who can log in as whom, and
 * whom the gateway believes to be the database, must not change unseen.
 */
function canonicalForm(
  raw: RawConfig,
  users: readonly User[],
  log: LogConfig,
  targets: readonly PostgresTarget[],
): string {
  const known = users.map(({ scram, ...user }) => ({
    ...user,
    verifier: createHash('sha256').update(scram).digest('hex'),
  }));
  const { witnesses } = log;
  const certificates = certificateDigests(targets);
  return encodeCanonical({
    ...raw,
    users: known,
    ...(witnesses && { witnesses }),
    ...(Object.keys(certificates).length > 0 && { certificates }),
  } as unknown as Json);
}

function certificateDigests(targets: readonly PostgresTarget[]): Record<string, object> {
  const digests = targets.flatMap(({ name, tls, upstream }) => {
    const pems = { cert: tls?.cert, clientCa: tls?.clientCa, upstreamCa: upstream.tls?.ca };
    const present = Object.entries(pems).flatMap(([what, pem]) =>
      pem === undefined ? [] : [[what, createHash('sha256').update(pem).digest('hex')]],
    );
    return present.length > 0 ? [[name, Object.fromEntries(present)] as const] : [];
  });
  return Object.fromEntries(digests);
}

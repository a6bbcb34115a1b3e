/** witness.yaml: everything that a witness is told, in one file. */
import { dirname, resolve } from 'node:path';
import { type Cosigner, openCosigner, parseVkey, sha256, type VerifierKey } from '@sealrail/tlog';
import { z } from 'zod';
import { parseAddress } from '../config/address.ts';
import type { Address } from '../config/config.ts';
import { resolveSecret } from '../config/secret.ts';
import { YamlSource } from '../config/source.ts';

const shape = z.strictObject({
  key: z.string(),
  listen: z.string().default('127.0.0.1:7071'),
  state: z.string().min(1).default('./witness.sqlite'),
  logs: z.array(z.string()).min(1, 'names no log to witness'),
});

export interface WitnessConfig {
  readonly file: string;
  readonly cosigner: Cosigner;
  readonly listen: Address;
  /** Absolute path of the database. */
  readonly state: string;
  /** Keys by origin: the name of each. */
  readonly logs: ReadonlyMap<string, readonly VerifierKey[]>;
}

/** Throws ConfigError with the line of everything that is wrong. */
export async function loadWitnessConfig(
  file: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<WitnessConfig> {
  const source = new YamlSource(file, 'sealrail witness init');
  const raw = source.check(shape, ([top]) => (top === undefined ? Object.keys(shape.shape) : []));
  if (!raw) throw source.error();
  const folder = dirname(file);
  const cosigner = await cosignerOf(source, raw.key, folder, env);
  const listen = parseAddress(raw.listen);
  if (!listen) source.add(['listen'], `${JSON.stringify(raw.listen)} is no HOST:PORT`);
  const logs = new Map<string, VerifierKey[]>();
  raw.logs.forEach((vkey, at) => {
    try {
      const key = parseVkey(vkey, sha256);
      logs.set(key.name, [...(logs.get(key.name) ?? []), key]);
      if (cosigner && Buffer.from(cosigner.key.publicKey).equals(key.publicKey))
        source.add(
          ['logs', at],
          'a witness and a log have one key',
          'make another with sealrail witness init',
        );
    } catch (error) {
      source.add(['logs', at], error instanceof Error ? error.message : String(error));
    }
  });
  if (source.isWrong || !cosigner || !listen) throw source.error();
  return { file, cosigner, listen, state: resolve(folder, raw.state), logs };
}

async function cosignerOf(
  source: YamlSource,
  reference: string,
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Cosigner | undefined> {
  const secret = await resolveSecret(reference, { folder, env });
  if ('problem' in secret) source.add(['key'], secret.problem, secret.hint);
  else
    try {
      return openCosigner(secret.value.trim());
    } catch {
      source.add(['key'], 'is no signing key', 'sealrail witness init makes one');
    }
  return undefined;
}

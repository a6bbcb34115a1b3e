/** The shape of sealrail.yaml and users.yaml. Unknown keys are errors; DESIGN section 5 has the contract. */
import { z } from 'zod';
import type { KnownKeys } from './source.ts';

/** Privileges of an upstream role that have to be named to be accepted (postgres-gateway.md, Upstream role). */
export const ACCEPTABLE = [
  'superuser',
  'bypassrls',
  'createrole',
  'replication',
  'pg_read_server_files',
  'pg_write_server_files',
  'pg_execute_server_program',
  'pg_signal_backend',
  'create_in_search_path',
] as const;

const targetName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, 'a name has letters, digits, _ . or -');
/** SCRAM separates its fields by `,` and `=`; a control character would be an attack on a terminal. */
export const userName = z
  .string()
  .regex(/^[^\s,=\p{C}]{1,63}$/u, 'a user name has no spaces, commas, = or control characters');
const groupName = z
  .string()
  .regex(/^[^\s,\p{C}]{1,128}$/u, 'a name of a group or role has no spaces or commas');

const witnessesShape = z.strictObject({
  policy: z.string().min(1),
  failOpen: z.boolean().default(false),
});

const logShape = z.strictObject({
  dir: z.string().min(1).default('./data'),
  state: z.string().min(1).default('/var/lib/sealrail'),
  origin: z.string(),
  key: z.string(),
  witnesses: witnessesShape.optional(),
  durability: z.enum(['sync', 'async', 'none']).default('sync'),
  values: z.enum(['commit']).default('commit'),
});

const upstreamShape = z.strictObject({
  url: z.string(),
  password: z.string().optional(),
  tls: z.enum(['verify-full', 'disable']).optional(),
  ca: z.string().optional(),
  role: z.unknown().optional(),
  accept: z.array(z.enum(ACCEPTABLE)).default([]),
});

/** The words of pg_hba.conf; `cert` is its authentication method. */
const clientTlsShape = z.strictObject({
  cert: z.string(),
  key: z.string(),
  require: z.boolean().default(true),
  clientCa: z.string().optional(),
  clientCert: z.enum(['verify-ca', 'verify-full', 'cert']).optional(),
});

const modeShape = z.union(
  [z.enum(['observe', 'enforce']), z.strictObject({ enforce: z.array(groupName).min(1) })],
  { error: 'must be observe, enforce, or { enforce: [GROUP, …] }' },
);

const targetShape = z.strictObject({
  kind: z.enum(['postgres']),
  env: z.enum(['dev', 'test', 'staging', 'prod']),
  // Somebody else's target starts by being watched (decision.md MODE).
  mode: modeShape.default('observe'),
  listen: z.string(),
  tls: clientTlsShape.optional(),
  upstream: upstreamShape,
  classes: z.record(z.string(), z.array(z.string())).default({}),
});

const identityShape = z.strictObject({
  oidc: z.unknown().optional(),
  users: z.string().min(1).default('users.yaml'),
});

const apiShape = z.strictObject({ listen: z.string().default('127.0.0.1:7070') });

export const configShape = z.strictObject({
  log: logShape,
  identity: identityShape.default({ users: 'users.yaml' }),
  targets: z.record(targetName, targetShape),
  policies: z.string().min(1).default('./policies'),
  api: apiShape.default({ listen: '127.0.0.1:7070' }),
});

const userShape = z.strictObject({
  type: z.enum(['human', 'service', 'agent']),
  groups: z.array(groupName).default([]),
  roles: z.array(groupName).default([]),
  scram: z.string(),
});

export const usersShape = z.strictObject({ users: z.record(userName, userShape) });

export type RawConfig = z.infer<typeof configShape>;
export type RawLog = RawConfig['log'];
export type RawTarget = RawConfig['targets'][string];
export type RawUpstream = RawTarget['upstream'];
export type RawClientTls = NonNullable<RawTarget['tls']>;

const keys = (shape: { readonly shape: object }): readonly string[] => Object.keys(shape.shape);

export const configKeys: KnownKeys = ([top, second, below]) => {
  switch (top) {
    case undefined:
      return keys(configShape);
    case 'log':
      return second === 'witnesses' ? keys(witnessesShape) : keys(logShape);
    case 'identity':
      return keys(identityShape);
    case 'api':
      return keys(apiShape);
    case 'targets':
      if (below === 'tls') return keys(clientTlsShape);
      return below === 'upstream' ? keys(upstreamShape) : keys(targetShape);
    default:
      return [];
  }
};

export const userKeys: KnownKeys = ([top]) => (top === undefined ? ['users'] : keys(userShape));

/** The configuration as the rest of the daemon sees it: checked, secrets resolved, paths absolute. */
import type { Mode } from '@sealrail/sdk';

export interface Config {
  /** Absolute path of the file, for messages. */
  readonly file: string;
  readonly log: LogConfig;
  readonly users: readonly User[];
  /** Absolute path of the file that they stand in. */
  readonly usersFile: string;
  readonly targets: readonly PostgresTarget[];
  /** Folder of `*.cedar` files, absolute. */
  readonly policies: string;
  readonly api: { readonly listen: Address };
  /** Canonical JSON of the configuration and its users: secrets by reference, verifiers by digest. */
  readonly canonical: string;
  /** SHA-256 of `canonical`, lowercase hex. */
  readonly digest: string;
}

export interface LogConfig {
  readonly dir: string;
  readonly state: string;
  readonly origin: string;
  /** Go-style secret key text (c2sp.org/signed-note), already resolved. Never log it. */
  readonly key: string;
  readonly durability: 'sync' | 'async' | 'none';
  readonly values: 'commit';
  readonly witnesses?: {
    /** Text of the policy file (c2sp.org/tlog-policy), which was read and understood. */
    readonly policy: string;
    readonly failOpen: boolean;
  };
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Mode of a target: of all principals, or enforced for the members of some groups only. */
export type TargetMode = Mode | { readonly enforce: readonly string[] };

export interface PostgresTarget {
  readonly kind: 'postgres';
  readonly name: string;
  readonly env: 'dev' | 'test' | 'staging' | 'prod';
  readonly mode: TargetMode;
  readonly listen: Address;
  /** Absent: clients are offered no TLS, and only this machine reaches the gateway. */
  readonly tls?: ClientTlsConfig;
  readonly upstream: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly database: string;
    readonly password?: string;
    /** Chain and host name are verified; `ca` in PEM, else what Node trusts. Absent: no TLS. */
    readonly tls?: { readonly ca?: string };
    /** Privileges of the upstream role that would otherwise refuse the start. */
    readonly accept: readonly string[];
  };
  /** Data class → columns as `schema.table.column`. */
  readonly classes: Readonly<Record<string, readonly string[]>>;
}

/** TLS of a gateway's clients; all in PEM. */
export interface ClientTlsConfig {
  /** The gateway's own first, then the rest of its chain. */
  readonly cert: string;
  /** Never log it. */
  readonly key: string;
  /** False: a client may do without TLS. */
  readonly require: boolean;
  /** Authorities that clients' certificates are verified against. */
  readonly clientCa?: string;
  /**
   * What a client has to show: a certificate of `clientCa` besides its password (`verify-ca`), one whose
   * common name is the user besides its password (`verify-full`), or the latter instead of one (`cert`).
   */
  readonly clientCert?: 'verify-ca' | 'verify-full' | 'cert';
}

/** Somebody who may connect: `users.yaml`. */
export interface User {
  readonly name: string;
  readonly type: 'human' | 'service' | 'agent';
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  /** RFC 5803 form, as PostgreSQL stores it: `SCRAM-SHA-256$4096:salt$StoredKey:ServerKey`. */
  readonly scram: string;
}

/** What there is to know about a target before it is guarded: facts, without an opinion on them. */

/** Of anything that there may be many of, this many are named and all are counted. */
export const NAMES_MAX = 10;

export interface Named {
  readonly count: number;
  /** The first NAMES_MAX in order of their names. */
  readonly names: readonly string[];
}

/** What hides from whoever reads a statement, by what it is; see `surroundings.ts` for each. */
export const HIDDEN_KINDS = [
  'definer-functions',
  'extensions',
  'foreign-servers',
  'triggers',
  'event-triggers',
  'rules',
  'row-security',
  'untrusted-languages',
] as const;
export type HiddenKind = (typeof HIDDEN_KINDS)[number];

export interface Surroundings {
  readonly version: string;
  readonly role: string;
  readonly database: string;
  readonly encoding: string;
  /** Privileges of the role that are a way around the gateway. */
  readonly privileges: readonly string[];
  /** Protocol of the connection's TLS as the server sees it; undefined where there is none. */
  readonly tls: string | undefined;
  readonly isStandby: boolean;
  readonly listenAddresses: string;
  /** What the server, its databases or roles set of what the gateway pins. */
  readonly pinnedElsewhere: Named;
  /** Functions that change what the gateway pins while they run. */
  readonly pinnedInFunctions: Named;
  readonly hidden: Readonly<Record<HiddenKind, Named>>;
  /** Roles of sessions in this database that did not come through a gateway; undefined where they are not shown. */
  readonly around: Named;
}

export interface Between {
  /** The server sees another client than this one: the number of the port does not agree. */
  readonly isRelayed: boolean;
  /** The process that was announced at the start is not the one that answers. */
  readonly isPooled: boolean;
  /** Two transactions of one connection were not done by one process. */
  readonly isTransactionPooled: boolean;
}

export interface Observed {
  readonly surroundings: Surroundings;
  readonly between: Between;
  /** Why the gateway's own way of connecting fails where a driver's does not. */
  readonly handshake: string | undefined;
  /** Addresses of this machine, not loopback, at which the database's port answers. */
  readonly openAddresses: readonly string[];
}

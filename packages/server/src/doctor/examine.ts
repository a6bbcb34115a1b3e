/** From what was seen of a target to what it means: one sentence a finding, and what to do about it. */
import { isLoopback } from '../config/address.ts';
import type { PostgresTarget } from '../config/config.ts';
import { SERVER_LINES, serverLine } from '../gateway/postgres/parse.ts';
import { PINNED_SETTINGS } from '../gateway/postgres/upstream.ts';
import { HIDDEN_KINDS, type HiddenKind, type Named, type Observed } from './observed.ts';

/** `blocker`: the gateway refuses to start, or must not be relied on. `ok`: looked at, and nothing is wrong. */
export type Severity = 'blocker' | 'warning' | 'note' | 'ok';

export interface DoctorFinding {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly todo?: string;
  /** Where it is about several things: all counted, the first ones named. */
  readonly count?: number;
  readonly names?: readonly string[];
}

/** In the order in which a connection meets them. */
export function examine(target: PostgresTarget, observed: Observed): DoctorFinding[] {
  return [
    ...wayThere(target, observed),
    ...server(observed),
    ...role(target, observed),
    ...HIDDEN_KINDS.flatMap((kind) => hidden(kind, observed.surroundings.hidden[kind])),
    ...clients(target, observed),
    ...around(target, observed),
  ];
}

function wayThere({ upstream }: PostgresTarget, { surroundings, between, handshake }: Observed) {
  const found: DoctorFinding[] = [];
  const { host } = upstream;
  if (upstream.tls)
    found.push({
      code: 'tls',
      severity: 'ok',
      message: `the way to ${host} is encrypted${surroundings.tls ? ` (${surroundings.tls})` : ''}, and its certificate was verified in full`,
    });
  else if (isLoopback(host))
    found.push({
      code: 'tls',
      severity: 'note',
      message: `the way to ${host} is not encrypted; it does not leave this machine`,
    });
  else
    found.push({
      code: 'tls',
      severity: 'warning',
      message: `the way to ${host} is not encrypted: who listens there reads everything, and can change it`,
      todo: 'turn TLS on at the server, and leave upstream.tls out',
    });
  if (handshake !== undefined)
    found.push({
      code: 'handshake',
      severity: 'blocker',
      message: `the gateway cannot begin a session: ${handshake}`,
      todo: 'use a password of SCRAM-SHA-256, and a pooler that passes startup settings on, or none',
    });
  found.push(pooler(between));
  return found;
}

function pooler({ isPooled, isRelayed, isTransactionPooled }: Observed['between']): DoctorFinding {
  if (isTransactionPooled)
    return {
      code: 'pooler',
      severity: 'blocker',
      message:
        'a pooler in between gives each transaction another server process: what a session set or prepared is not there in the next',
      todo: 'let upstream.url name the server itself, or a pool in session mode',
    };
  if (isPooled)
    return {
      code: 'pooler',
      severity: 'warning',
      message:
        'a pooler stands in between: the process that answers is not the one that was announced',
      todo: 'keep it in session mode, or let upstream.url name the server itself',
    };
  if (isRelayed)
    return {
      code: 'pooler',
      severity: 'note',
      message:
        'something in between relays connections (a proxy, or translated addresses): the server sees another port than this one',
    };
  return { code: 'pooler', severity: 'ok', message: 'no pooler shows itself in between' };
}

function server({ surroundings }: Observed): DoctorFinding[] {
  const { version, encoding, isStandby } = surroundings;
  const line = serverLine(version);
  const found: DoctorFinding[] = [
    line === undefined
      ? {
          code: 'version',
          severity: 'blocker',
          message: `PostgreSQL ${version} is not supported, ${SERVER_LINES[0]} to ${SERVER_LINES.at(-1)} are`,
          todo: 'guard a server of one of those lines',
        }
      : {
          code: 'version',
          severity: 'ok',
          message: `PostgreSQL ${version}, read with the parser of line ${line}`,
        },
  ];
  if (encoding === 'SQL_ASCII')
    found.push({
      code: 'encoding',
      severity: 'blocker',
      message:
        'the encoding of the database is SQL_ASCII, so that the bytes of a text have no meaning',
      todo: 'dump it and restore it into a database of encoding UTF8',
    });
  if (isStandby)
    found.push({
      code: 'standby',
      severity: 'note',
      message: 'the server is a standby: it takes no writes, whoever allows them',
    });
  return found;
}

function role({ upstream }: PostgresTarget, { surroundings }: Observed): DoctorFinding[] {
  const { role: name, privileges } = surroundings;
  if (privileges.length === 0)
    return [
      {
        code: 'role',
        severity: 'ok',
        message: `role ${name} has no privilege that leads around the gateway`,
      },
    ];
  return privileges.map((privilege) => {
    const isAccepted = upstream.accept.includes(privilege);
    return {
      code: 'role',
      severity: isAccepted ? 'warning' : 'blocker',
      message: `role ${name} has ${privilege}${isAccepted ? ', which the configuration accepts' : ''}: ${PRIVILEGES[privilege] ?? 'more than the work needs'}`,
      todo: REMEDIES[privilege] ?? `use a role without ${privilege}`,
    } as const;
  });
}

const PRIVILEGES: Readonly<Record<string, string>> = {
  superuser: 'whatever passes once can do anything, outside the database too',
  bypassrls: 'row security does not hold for it',
  createrole: 'it can make roles that it then becomes',
  replication: 'it can copy everything without a statement',
  pg_read_server_files: 'it reads files of the server',
  pg_write_server_files: 'it writes files of the server',
  pg_execute_server_program: 'it runs programs at the server',
  pg_signal_backend: 'it ends the sessions of others',
  create_in_search_path: 'a function made there can change what a name means',
};
const REMEDIES: Readonly<Record<string, string>> = {
  create_in_search_path: 'REVOKE CREATE ON SCHEMA public FROM PUBLIC, and from the role',
};

const HIDDEN: Readonly<Record<HiddenKind, readonly [string, string, string, string]>> = {
  'definer-functions': [
    'function runs',
    'functions run',
    "with its owner's rights, and what it does inside is not seen",
    'read them; then permit by name those that may be called',
  ],
  extensions: [
    'extension brings',
    'extensions bring',
    'functions that nobody here has reviewed: calls of them are a doubt',
    'permit by name the functions that are needed',
  ],
  'foreign-servers': [
    'foreign server leads',
    'foreign servers lead',
    'to other databases: what is read or written there is not seen',
    'guard those databases too, or deny the foreign tables',
  ],
  triggers: [
    'trigger does',
    'triggers do',
    'more than the statement says: that it fires is reported, what it runs is not read',
    'read them; name the tables in a policy where that matters',
  ],
  'event-triggers': [
    'event trigger runs',
    'event triggers run',
    'when definitions change, and is not seen',
    'read them',
  ],
  rules: [
    'rule rewrites',
    'rules rewrite',
    'what a statement does',
    'read them; triggers say the same more plainly',
  ],
  'row-security': [
    'row security policy sees',
    'row security policies see',
    'one role for everybody who comes through the gateway',
    'where they tell people apart by current_user, say so in policies of the gateway',
  ],
  'untrusted-languages': [
    'language runs',
    'languages run',
    'code outside the database',
    'REVOKE USAGE on it, or drop it, where it is not needed',
  ],
};

function hidden(kind: HiddenKind, named: Named): DoctorFinding[] {
  if (named.count === 0) return [];
  const [one, many, does, todo] = HIDDEN[kind];
  const severity = kind === 'triggers' || kind === 'rules' ? 'note' : 'warning';
  const message = `${named.count} ${named.count === 1 ? one : many} ${does}`;
  return [{ code: kind, severity, message, todo, ...named }];
}

function clients(
  { name, upstream, tls }: PostgresTarget,
  { surroundings }: Observed,
): DoctorFinding[] {
  const pinned = [...PINNED_SETTINGS].map(([setting, value]) => `${setting} = ${value}`).join(', ');
  const found: DoctorFinding[] = [
    {
      code: 'pinned-settings',
      severity: 'note',
      message: `for clients ${pinned} is pinned: statements that set it otherwise are denied, since texts would be read in another way than judged`,
    },
    {
      code: 'one-role',
      severity: 'note',
      message: `clients log in as users of users.yaml, and all work as role ${surroundings.role} in database ${upstream.database} (also called ${name}); SET ROLE is denied`,
    },
    {
      code: 'denied-by-default',
      severity: 'note',
      message:
        'replication connections and function calls without a statement (the protocol message FunctionCall) are refused',
      todo: 'let replication and backups connect to the server itself, as roles of their own',
    },
  ];
  if (!tls)
    found.push({
      code: 'client-tls',
      severity: 'note',
      message: 'clients are offered no TLS, so only this machine reaches the gateway',
      todo: 'tls: { cert, key } under the target, before others are let in',
    });
  for (const [code, named, who] of [
    ['pinned-elsewhere', surroundings.pinnedElsewhere, 'the database or roles set'],
    ['pinned-in-functions', surroundings.pinnedInFunctions, 'functions set'],
  ] as const)
    if (named.count > 0)
      found.push({
        code,
        severity: 'warning',
        message: `${who} what the gateway pins: sessions in which the other value shows are ended`,
        todo: 'ALTER … RESET the setting there',
        ...named,
      });
  return found;
}

const LOCAL = /^(localhost|127\.0\.0\.1|::1|)$/;

function around(
  { upstream }: PostgresTarget,
  { surroundings, openAddresses }: Observed,
): DoctorFinding[] {
  const { listenAddresses, around: others } = surroundings;
  const found: DoctorFinding[] = [];
  const { host, port } = upstream;
  const isOpen = !isLoopback(host) || openAddresses.length > 0;
  const listens = listenAddresses.split(',').map((one) => one.trim());
  if (isOpen)
    found.push({
      code: 'port',
      severity: 'warning',
      message: `the database's port can be reached around the gateway, from here at ${[...(isLoopback(host) ? [] : [host]), ...openAddresses].map((one) => `${one} port ${port}`).join(', ')}`,
      todo: 'let only the gateway through, in pg_hba.conf and in the firewall, and change passwords that clients know',
    });
  else if (listens.every((one) => LOCAL.test(one)))
    found.push({
      code: 'port',
      severity: 'note',
      message: `the database's port ${port} answers on this machine only: whoever has an account here can go around the gateway`,
      todo: 'let only the gateway in, in pg_hba.conf, and change passwords that clients know',
    });
  else
    found.push({
      code: 'port',
      severity: 'warning',
      message: `the server listens on ${listenAddresses}: that its port is closed to others cannot be seen from here`,
      todo: "listen_addresses = 'localhost', or a firewall that lets only the gateway through",
    });
  if (others.count > 0)
    found.push({
      code: 'sessions-around',
      severity: 'warning',
      message: `${others.count} ${others.count === 1 ? 'session' : 'sessions'} in this database did not come through a gateway, as the roles named`,
      todo: 'point their connection strings at the gateway, then lock those roles out in pg_hba.conf',
      ...others,
    });
  return found;
}

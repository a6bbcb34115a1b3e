/** Facts of a SQL message → the action that the policies are asked about. Names follow guard.cedarschema. */
import { Datetime, parseIp } from '@sealrail/cedar';
import type { Catalog, DetectedKinds, SqlReading, SqlUse } from '@sealrail/facts';
import {
  type Act,
  type CedarRecord,
  type ClearValue,
  type Entity,
  EntityUid,
  identifier,
  type Json,
  keepCanonical,
  NO_ACCESS,
  NO_HISTORY,
  type Request,
  type ResourceUse,
  shareRecord,
  sqlContext,
} from '@sealrail/sdk';
import type { PostgresTarget, User } from '../../config/config.ts';
import { principalEntities, principalOf } from '../../principal.ts';
import { classesBelow, classesOfColumns } from './data-classes.ts';
import { detectSent, type Sent } from './detected.ts';

export interface SqlActOptions {
  readonly reading: SqlReading;
  readonly user: User;
  readonly target: Pick<PostgresTarget, 'name' | 'env' | 'classes'>;
  readonly session: string;
  readonly inTransaction: boolean;
  /** The text exactly as it came. */
  readonly text: string;
  /** As text, or as base64 of what came in binary; null is left out. */
  readonly binds?: readonly (string | null)[];
  /** What the data of a COPY has brought so far. */
  readonly copied?: DetectedKinds;
  /** Texts that it runs by the names they were prepared under. */
  readonly executed?: readonly string[];
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  readonly ip?: string;
  readonly catalog: Catalog | undefined;
  /** Of the session, shared; made from session and ip where it is absent. */
  readonly caller?: CedarRecord;
  /** Of the gateway; without it everything is made anew. */
  readonly kept?: StatementsKept;
}

interface World {
  readonly entities: Map<string, Entity>;
  readonly options: SqlActOptions;
}

function add({ entities }: World, made: Entity): EntityUid {
  entities.set(`${made.uid.type}\0${made.uid.id}`, made);
  return made.uid;
}

function addPrincipal(world: World): EntityUid {
  const { user } = world.options;
  for (const entity of principalEntities(user)) add(world, entity);
  return principalOf(user);
}

function addDatabase(world: World): EntityUid {
  const { target } = world.options;
  const parents = [new EntityUid('Env', target.env)];
  return add(world, {
    uid: new EntityUid('Database', identifier(target.name)),
    attrs: { engine: 'postgres' },
    parents,
  });
}

function addSchema(world: World, schema: string): EntityUid {
  const database = addDatabase(world);
  return add(world, {
    uid: new EntityUid('Schema', `${database.id}.${identifier(schema)}`),
    attrs: {},
    parents: [database],
  });
}

const union = (a: readonly string[], b: readonly string[]): string[] =>
  [...new Set([...a, ...b])].sort();

function addTable(world: World, schema: string, name: string): EntityUid {
  const parent = addSchema(world, schema);
  const relation = world.options.catalog?.relation(schema, name);
  const own = relation?.columns.map((column) => column.name) ?? [];
  const table = { schema, name };
  return add(world, {
    uid: new EntityUid('Table', `${parent.id}.${identifier(name)}`),
    attrs: {
      classes: union(
        classesOfColumns(world.options, table, own),
        classesBelow(world.options, table),
      ),
      appendOnly: false,
      ...(relation?.rows === undefined ? {} : { rows: relation.rows }),
    },
    parents: [parent],
  });
}

function addRoutine(world: World, schema: string, name: string): EntityUid {
  const parent = addSchema(world, schema);
  const routine = world.options.catalog?.routine(schema, name);
  return add(world, {
    uid: new EntityUid('Routine', `${parent.id}.${identifier(name)}`),
    attrs: {
      volatility: new EntityUid('Volatility', routine?.volatility ?? 'unknown'),
      // Of a routine that is not known the worst is assumed.
      definerRights: routine?.definerRights ?? true,
    },
    parents: [parent],
  });
}

function resourceOf(world: World, { resource }: SqlUse): EntityUid {
  switch (resource.kind) {
    case 'table':
      return addTable(world, resource.schema, resource.name);
    case 'schema':
      return addSchema(world, resource.schema);
    case 'routine':
      return addRoutine(world, resource.schema, resource.name);
    case 'database':
      return addDatabase(world);
  }
}

const touches = ({ columns, shown, derived, written, allColumns }: SqlUse): boolean =>
  columns.length + shown.length + derived.length + written.length > 0 || allColumns;

function accessOf(world: World, use: SqlUse): CedarRecord {
  const { resource } = use;
  const isTable = resource.kind === 'table';
  const classesIn = (columns: readonly string[]) =>
    isTable ? classesOfColumns(world.options, resource, columns) : [];
  const below = isTable && use.columns.length > 0 ? classesBelow(world.options, resource) : [];
  return {
    columns: use.columns,
    shown: use.shown,
    shownClasses: classesIn(use.shown),
    derivedClasses: union(classesIn(use.derived), below),
    written: use.written,
    writtenClasses: classesIn(use.written),
    allColumns: use.allColumns,
  };
}

export type MetaOptions = Pick<SqlActOptions, 'session' | 'nowMs' | 'ip' | 'caller'> & Sent;

/** The same for every action of a session. */
export function callerOf({
  session,
  ip,
}: {
  readonly session: string;
  readonly ip?: string | undefined;
}): CedarRecord {
  return shareRecord({
    chainProved: true,
    hops: 0,
    agents: [],
    services: [],
    proof: new EntityUid('Proof', 'scram'),
    session,
    // What is no address makes the request invalid, and not one without an address.
    ...(ip === undefined ? {} : { ip: parseIp(ip) ?? ip }),
  });
}

/** What could not be found out yet is given as nothing, and policies that read it are refused at load. */
export function metaOf(options: MetaOptions): CedarRecord {
  const { nowMs, caller = callerOf(options) } = options;
  const { secrets, personal, doubts } = detectSent(options);
  const now = new Date(nowMs);
  return {
    now: new Datetime(nowMs),
    hour: now.getUTCHours(),
    weekday: ((now.getUTCDay() + 6) % 7) + 1,
    holiday: false,
    caller,
    detected: {
      doubts: doubts.map((doubt) => new EntityUid('Doubt', doubt)),
      secrets,
      personal,
      injection: 0,
      bytes: Buffer.byteLength(options.text),
    },
    history: { ...NO_HISTORY },
  };
}

/** Everything that a client sent, as what it is committed under; the recorder joins what is too many. */
function valuesOf({ reading, text, binds = [], executed = [] }: SqlActOptions): ClearValue[] {
  const literals = reading.kind === 'statement' ? reading.literals : [];
  return [
    ...literals.map(({ n, text: value }) => ({ at: `/literals/${n}`, value })),
    ...binds.flatMap((value, at) => (value === null ? [] : [{ at: `/binds/${at + 1}`, value }])),
    // Without a template there is no statement to read: it stands behind its commitment, whole.
    ...(reading.facts.template === '' && text !== '' ? [{ at: '/statement', value: text }] : []),
    ...executed.map((value, at) => ({ at: `/executed/${at + 1}`, value })),
    { at: '/bytes', value: text },
  ];
}

export type SqlAct = Pick<Act, 'action' | 'resources' | 'statement' | 'values' | 'facts' | 'meta'>;

/** What of an act does not change from one run of a statement by a user to the next; shared by all of them. */
interface StatementParts {
  readonly uses: readonly Omit<Request, 'context'>[];
  readonly sql: CedarRecord;
  /** One for each use. */
  readonly access: readonly CedarRecord[];
  readonly entities: readonly Entity[];
  readonly resources: readonly ResourceUse[];
  readonly facts: Json;
}

function statementParts(options: SqlActOptions): StatementParts {
  const world: World = { entities: new Map(), options };
  const principal = addPrincipal(world);
  const { uses, template, ...facts } = options.reading.facts;
  for (const { schema, name } of [...facts.tablesRead, ...facts.tablesWritten])
    addTable(world, schema, name);
  const recorded = { ...facts, inTransaction: options.inTransaction };
  const made = uses.map((use) => {
    const resource = resourceOf(world, use);
    const access = accessOf(world, use);
    // What is left out is read as NO_ACCESS.
    const isTold = use.resource.kind === 'table' || touches(use);
    return { action: `sql.${use.verb}`, resource, access, isTold };
  });
  return {
    uses: made.map(({ action, resource }) => ({ principal, action, resource })),
    sql: shareRecord(
      sqlContext({ facts: recorded, template, database: options.target.name }) as CedarRecord,
    ),
    access: made.map(({ access }) => shareRecord(access)),
    entities: [...world.entities.values()],
    resources: keepCanonical(
      made.map(({ action, resource: { type, id }, access, isTold }) => ({
        action,
        type,
        id,
        ...(isTold ? { access: access as unknown as Json } : {}),
      })),
    ),
    facts: keepCanonical({ sql: structuredClone(recorded) as unknown as Json }),
  };
}

export const STATEMENTS_KEPT_MAX = 4_096;

interface Kept {
  readonly from: Pick<SqlActOptions, 'reading' | 'user' | 'target' | 'catalog'>;
  readonly factsText: string;
  readonly parts: StatementParts;
}

/**
 * Parts by template. Texts of one template can differ in their facts (a LIMIT, `1=1` beside `1=2`), so those
 * are compared before anything is taken over.
 */
export class StatementsKept {
  readonly #kept = new Map<string, Kept>();

  partsOf(options: SqlActOptions): StatementParts {
    const { reading, user, target, catalog, inTransaction } = options;
    const key = `${user.name}\0${inTransaction}\0${reading.facts.template}`;
    const known = this.#kept.get(key);
    const isSame =
      known?.from.user === user && known.from.target === target && known.from.catalog === catalog;
    if (known && isSame && known.from.reading === reading) return known.parts;
    const factsText = JSON.stringify(reading.facts);
    const parts = known && isSame && known.factsText === factsText ? known.parts : undefined;
    const kept = { from: { reading, user, target, catalog }, factsText };
    const made = parts ?? statementParts(options);
    if (this.#kept.size >= STATEMENTS_KEPT_MAX && !known) this.#kept.clear();
    this.#kept.set(key, { ...kept, parts: made });
    return made;
  }
}

/** Everything of an Act that follows from the statement. */
export function sqlAct(options: SqlActOptions): SqlAct {
  const parts = options.kept?.partsOf(options) ?? statementParts(options);
  const { uses, sql, access, entities, resources, facts } = parts;
  const { template } = options.reading.facts;
  const meta = metaOf(options);
  const requests = uses.map((use, at) => ({
    ...use,
    context: { meta, sql, access: access[at] ?? NO_ACCESS },
  }));
  return {
    action: { requests, entities },
    resources,
    ...(options.reading.kind === 'statement' && template !== '' ? { statement: template } : {}),
    values: valuesOf(options),
    facts,
    meta,
  };
}

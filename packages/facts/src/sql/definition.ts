/** DDL, privileges and administration: what each kind of statement amounts to. */
import type { SqlRisk, SqlVerb } from './facts.ts';
import { type Body, bodyOf, list, object, strings, text } from './node.ts';
import { settingRisk } from './settings.ts';

type Listed = readonly [SqlVerb, ...SqlRisk[]];

/** A kind that does not stand here is not understood. */
const DEFINITIONS: Readonly<Record<string, Listed>> = {
  CreateStmt: ['ddl'],
  CreateForeignTableStmt: ['ddl', 'network'],
  IndexStmt: ['ddl'],
  CreateFunctionStmt: ['ddl'],
  AlterFunctionStmt: ['ddl'],
  CreateTrigStmt: ['ddl'],
  RuleStmt: ['ddl'],
  CreateSchemaStmt: ['ddl'],
  CreateSeqStmt: ['ddl'],
  AlterSeqStmt: ['ddl'],
  CreateEnumStmt: ['ddl'],
  AlterEnumStmt: ['ddl'],
  CompositeTypeStmt: ['ddl'],
  CreateRangeStmt: ['ddl'],
  CreateDomainStmt: ['ddl'],
  AlterDomainStmt: ['ddl'],
  AlterTypeStmt: ['ddl'],
  CommentStmt: ['ddl'],
  RenameStmt: ['ddl'],
  DefineStmt: ['ddl'],
  CreateStatsStmt: ['ddl'],
  AlterStatsStmt: ['ddl'],
  CreateOpClassStmt: ['ddl'],
  CreateOpFamilyStmt: ['ddl'],
  AlterOpFamilyStmt: ['ddl'],
  AlterOperatorStmt: ['ddl'],
  CreateCastStmt: ['ddl'],
  CreateConversionStmt: ['ddl'],
  CreateTransformStmt: ['ddl'],
  AlterTSDictionaryStmt: ['ddl'],
  AlterTSConfigurationStmt: ['ddl'],
  AlterObjectSchemaStmt: ['ddl'],
  AlterObjectDependsStmt: ['ddl'],
  AlterCollationStmt: ['ddl'],
  CreatedbStmt: ['ddl'],
  AlterDatabaseStmt: ['ddl', 'setting'],
  AlterDatabaseSetStmt: ['ddl', 'setting'],
  AlterDatabaseRefreshCollStmt: ['ddl'],
  AlterTableStmt: ['ddl'],
  AlterTableMoveAllStmt: ['ddl', 'rewrite-table'],
  DropStmt: ['ddl', 'drop'],
  DropdbStmt: ['ddl', 'drop'],
  DropTableSpaceStmt: ['ddl', 'drop'],
  DropOwnedStmt: ['ddl', 'drop', 'role'],
  DropSubscriptionStmt: ['ddl', 'drop', 'replication'],
  DropUserMappingStmt: ['ddl', 'drop', 'network'],
  CreatePublicationStmt: ['ddl', 'replication'],
  AlterPublicationStmt: ['ddl', 'replication'],
  CreateSubscriptionStmt: ['ddl', 'replication', 'network'],
  AlterSubscriptionStmt: ['ddl', 'replication', 'network'],
  CreateFdwStmt: ['ddl', 'network', 'program'],
  AlterFdwStmt: ['ddl', 'network', 'program'],
  CreateForeignServerStmt: ['ddl', 'network'],
  AlterForeignServerStmt: ['ddl', 'network'],
  ImportForeignSchemaStmt: ['ddl', 'network'],
  CreateUserMappingStmt: ['ddl', 'network'],
  AlterUserMappingStmt: ['ddl', 'network'],
  CreateExtensionStmt: ['ddl', 'program'],
  AlterExtensionStmt: ['ddl', 'program'],
  AlterExtensionContentsStmt: ['ddl', 'program'],
  CreatePLangStmt: ['ddl', 'program'],
  CreateAmStmt: ['ddl', 'program'],
  LoadStmt: ['ddl', 'program'],
  CreateTableSpaceStmt: ['ddl', 'file'],
  AlterTableSpaceOptionsStmt: ['ddl', 'setting'],
  CreateEventTrigStmt: ['ddl', 'disable-trigger'],
  AlterEventTrigStmt: ['ddl', 'disable-trigger'],
  CreatePolicyStmt: ['ddl', 'role'],
  AlterPolicyStmt: ['ddl', 'role'],
  SecLabelStmt: ['ddl', 'role'],
  AlterSystemStmt: ['maintain', 'setting'],
  AlterRoleSetStmt: ['grant', 'role', 'setting'],
  GrantStmt: ['grant', 'role'],
  GrantRoleStmt: ['grant', 'role'],
  CreateRoleStmt: ['grant', 'role'],
  AlterRoleStmt: ['grant', 'role'],
  DropRoleStmt: ['grant', 'role', 'drop'],
  AlterOwnerStmt: ['grant', 'role'],
  ReassignOwnedStmt: ['grant', 'role'],
  AlterDefaultPrivilegesStmt: ['grant', 'role'],
  CheckPointStmt: ['maintain', 'backend-control'],
  ClusterStmt: ['maintain', 'rewrite-table'],
  RepackStmt: ['maintain', 'rewrite-table'],
  ReindexStmt: ['maintain', 'rewrite-table'],
  VacuumStmt: ['maintain'],
  RefreshMatViewStmt: ['maintain'],
  TruncateStmt: ['truncate', 'truncate'],
};

const ALTER_TABLE: readonly (readonly [RegExp, SqlRisk])[] = [
  [/^AT_Drop(Column|Constraint|Inherit|Cluster|Expression|Identity|NotNull|Of|Oids)/, 'drop'],
  [/^AT_DetachPartition/, 'drop'],
  [/^AT_(Disable|EnableAlways|EnableReplica)(Trig|Rule)/, 'disable-trigger'],
  [/^AT_(Enable|Disable|Force|NoForce)RowSecurity/, 'role'],
  [/^AT_ChangeOwner/, 'role'],
  [/^AT_(AlterColumnType|SetTableSpace|SetLogged|SetUnLogged|SetAccessMethod)/, 'rewrite-table'],
  [/^AT_(ReplicaIdentity)/, 'replication'],
];

function alterTable(body: Body): SqlRisk[] {
  return list(body.cmds).flatMap((item) => {
    const subtype = text(bodyOf(item, 'AlterTableCmd')?.subtype);
    return ALTER_TABLE.flatMap(([pattern, risk]) => (pattern.test(subtype) ? [risk] : []));
  });
}

function optionsOf(body: Body): Body[] {
  const items = [...list(body.options), ...list(body.actions), ...list(body.params)];
  return items.map((item) => bodyOf(item, 'DefElem')).filter((option) => option !== undefined);
}

/** Languages in which a function reaches nothing that SQL does not reach. */
const TRUSTED_LANGUAGES = new Set(['sql', 'plpgsql', 'plperl', 'pltcl', 'plv8']);

function functionRisks(body: Body): SqlRisk[] {
  const type = strings(object(body.returnType)?.names)?.at(-1);
  // Under the same name the trigger that calls it does something else from now on.
  const replaced: SqlRisk[] =
    body.replace === true && type === 'trigger' ? ['disable-trigger'] : [];
  return [...replaced, ...optionRisks(body)];
}

function optionRisks(body: Body): SqlRisk[] {
  return optionsOf(body).flatMap(({ defname, arg }): SqlRisk[] => {
    // It lends its owner's rights to whoever calls.
    if (defname === 'security' && bodyOf(arg, 'Boolean')?.boolval === true)
      return ['definer-rights'];
    if (defname === 'language') {
      const language = text(bodyOf(arg, 'String')?.sval).toLowerCase();
      return TRUSTED_LANGUAGES.has(language) ? [] : ['program'];
    }
    if (defname !== 'set') return [];
    const set = bodyOf(arg, 'VariableSetStmt');
    const value = object(bodyOf(list(set?.args)[0], 'A_Const')?.sval);
    const risk = settingRisk(text(set?.name), value ? text(value.sval) : undefined);
    return risk ? [risk] : [];
  });
}

/** VACUUM and ANALYZE work beside everybody; with FULL it is a new copy under an exclusive lock. */
function vacuumRisks(body: Body): SqlRisk[] {
  return optionsOf(body).some(({ defname }) => defname === 'full') ? ['rewrite-table'] : [];
}

const RISKS: Readonly<Record<string, (body: Body) => SqlRisk[]>> = {
  AlterTableStmt: alterTable,
  CreateFunctionStmt: functionRisks,
  AlterFunctionStmt: functionRisks,
  VacuumStmt: vacuumRisks,
  // Writes to the table do something else instead, or nothing.
  RuleStmt: (body) => (body.instead === true ? ['disable-trigger'] : []),
};

export interface Definition {
  readonly verb: SqlVerb;
  readonly risks: readonly SqlRisk[];
  /** RangeVars of what is there already; each must resolve, unless `missingOk`. */
  readonly existing: readonly Body[];
  readonly missingOk: boolean;
  /** RangeVars of what comes to be: their schema is what is changed. */
  readonly created: readonly Body[];
  /** Schemas that are meant as such. */
  readonly schemas: readonly string[];
}

export function definitionOf(kind: string, body: Body): Definition | undefined {
  const listed = DEFINITIONS[kind];
  if (!listed) return undefined;
  const [verb, ...risks] = listed;
  return {
    verb,
    risks: [...risks, ...(RISKS[kind]?.(body) ?? [])],
    existing: existing(kind, body),
    missingOk: body.missing_ok === true,
    created: created(kind, body),
    schemas: schemasOf(kind, body),
  };
}

const CREATES = new Set([
  'CreateStmt',
  'CreateForeignTableStmt',
  'CreateSeqStmt',
  'CompositeTypeStmt',
]);

function created(kind: string, body: Body): Body[] {
  if (kind === 'CreateForeignTableStmt')
    return rangeOf(object(body.base)?.relation ?? body.relation);
  if (!CREATES.has(kind)) return [];
  return rangeOf(body.relation ?? body.sequence ?? body.typevar);
}

const rangeOf = (value: unknown): Body[] => {
  const body = bodyOf(value, 'RangeVar') ?? object(value);
  return body?.relname === undefined ? [] : [body];
};

/** Kinds of relation that the snapshot knows; an index is found through its table only. */
const RELATIONS = new Set([
  ...['OBJECT_TABLE', 'OBJECT_VIEW', 'OBJECT_MATVIEW', 'OBJECT_FOREIGN_TABLE', 'OBJECT_SEQUENCE'],
  ...['OBJECT_COLUMN', 'OBJECT_TABCONSTRAINT', 'OBJECT_TRIGGER', 'OBJECT_RULE', 'OBJECT_POLICY'],
]);

function existing(kind: string, body: Body): Body[] {
  switch (kind) {
    case 'DropStmt':
      return dropped(body);
    case 'TruncateStmt':
      return list(body.relations).flatMap(rangeOf);
    case 'VacuumStmt':
      return list(body.rels).flatMap((item) => rangeOf(bodyOf(item, 'VacuumRelation')?.relation));
    case 'GrantStmt':
      return isTableGrant(body) ? list(body.objects).flatMap(rangeOf) : [];
    case 'ReindexStmt':
      return body.kind === 'REINDEX_OBJECT_TABLE' ? rangeOf(body.relation) : [];
    case 'AlterTableStmt':
      return RELATIONS.has(text(body.objtype)) ? rangeOf(body.relation) : [];
    case 'RenameStmt':
      return RELATIONS.has(text(body.renameType)) ? rangeOf(body.relation) : [];
    case 'AlterObjectSchemaStmt':
      return RELATIONS.has(text(body.objectType)) ? rangeOf(body.relation) : [];
    case 'AlterSeqStmt':
      return rangeOf(body.sequence);
    case 'CreatePolicyStmt':
    case 'AlterPolicyStmt':
      return rangeOf(body.table);
    case 'IndexStmt':
    case 'CreateTrigStmt':
    case 'RuleStmt':
    case 'ClusterStmt':
    case 'RepackStmt':
    case 'RefreshMatViewStmt':
      return rangeOf(body.relation);
    default:
      return [];
  }
}

const isTableGrant = (body: Body): boolean =>
  body.targtype === 'ACL_TARGET_OBJECT' &&
  (body.objtype === 'OBJECT_TABLE' || body.objtype === 'OBJECT_SEQUENCE');

/** `DROP TABLE a.b`: names of a drop stand as lists of strings; those of a trigger end in its own name. */
function dropped(body: Body): Body[] {
  const type = text(body.removeType);
  const part = ['OBJECT_TRIGGER', 'OBJECT_RULE', 'OBJECT_POLICY'].includes(type);
  if (!RELATIONS.has(type)) return [];
  return list(body.objects).flatMap((item) => {
    const names = strings(bodyOf(item, 'List')?.items) ?? [];
    const [relname, schemaname] = (part ? names.slice(0, -1) : names).toReversed();
    if (relname === undefined) return [];
    return [{ relname, ...(schemaname === undefined ? {} : { schemaname }) }];
  });
}

/** Of `DROP SCHEMA a`, and of what `CREATE FUNCTION a.f` and the like put into one. */
function schemasOf(kind: string, body: Body): string[] {
  if (kind === 'CreateSchemaStmt') return [text(body.schemaname)].filter((name) => name !== '');
  if (kind === 'DropStmt' && body.removeType === 'OBJECT_SCHEMA')
    return strings(body.objects) ?? [];
  const named = strings(body.funcname ?? body.typeName ?? body.defnames)?.at(-2);
  return named === undefined ? [] : [named];
}

/** The text of a function in SQL: `AS '…'` with LANGUAGE sql; undefined for any other. */
export function sqlBody(body: Body): string | undefined {
  const options = optionsOf(body);
  const named = (name: string) => options.find(({ defname }) => defname === name)?.arg;
  if (text(bodyOf(named('language'), 'String')?.sval).toLowerCase() !== 'sql') return undefined;
  const lines = strings(bodyOf(named('as'), 'List')?.items) ?? [];
  return lines.length === 1 ? lines[0] : undefined;
}

/** DDL, privileges and administration, by kind of statement: verb, risks, and the tables that are meant. */
import type { SqlRisk, SqlVerb } from './facts.ts';
import { type Body, bodyOf, isObject, list, nodeOf, strings, text } from './node.ts';

export interface Definition {
  readonly verb: SqlVerb;
  readonly risks: readonly SqlRisk[];
  /** RangeVar bodies or nodes that must resolve. */
  readonly relations: readonly unknown[];
  /** Statements inside it, such as those of CREATE SCHEMA. */
  readonly statements: readonly unknown[];
}

const RISKS: Readonly<Record<string, readonly [SqlVerb, ...SqlRisk[]]>> = {
  CreateStmt: ['ddl'],
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
  AlterDatabaseRefreshCollStmt: ['ddl'],
  AlterTableStmt: ['ddl'],
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
  CreateFdwStmt: ['ddl', 'network'],
  AlterFdwStmt: ['ddl', 'network'],
  CreateForeignServerStmt: ['ddl', 'network'],
  AlterForeignServerStmt: ['ddl', 'network'],
  CreateForeignTableStmt: ['ddl', 'network'],
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
  AlterTableMoveAllStmt: ['ddl', 'rewrite-table'],
  CreateEventTrigStmt: ['ddl', 'disable-trigger'],
  AlterEventTrigStmt: ['ddl', 'disable-trigger'],
  CreatePolicyStmt: ['ddl', 'role'],
  AlterPolicyStmt: ['ddl', 'role'],
  SecLabelStmt: ['ddl', 'role'],
  AlterSystemStmt: ['maintain', 'setting'],
  AlterDatabaseSetStmt: ['ddl', 'setting'],
  AlterRoleSetStmt: ['grant', 'role', 'setting'],
  GrantStmt: ['grant', 'role'],
  GrantRoleStmt: ['grant', 'role'],
  CreateRoleStmt: ['grant', 'role'],
  AlterRoleStmt: ['grant', 'role'],
  DropRoleStmt: ['grant', 'role', 'drop'],
  AlterOwnerStmt: ['grant', 'role'],
  ReassignOwnedStmt: ['grant', 'role'],
  AlterDefaultPrivilegesStmt: ['grant', 'role'],
};

const ALTER_TABLE: readonly (readonly [RegExp, SqlRisk])[] = [
  [/^AT_Drop(Column|Constraint|Inherit|Cluster|Expression|Identity|NotNull|Of)/, 'drop'],
  [/^AT_(DetachPartition|DropOids)/, 'drop'],
  [/^AT_(Disable|Enable(Always|Replica))(Trig|Rule)/, 'disable-trigger'],
  [/^AT_(Enable|Disable|Force|NoForce)(RowSecurity|_RowSecurity)/, 'role'],
  [/^AT_ChangeOwner/, 'role'],
  [/^AT_(AlterColumnType|SetTableSpace|SetLogged|SetUnLogged|SetAccessMethod)/, 'rewrite-table'],
];

function alterTable(body: Body): SqlRisk[] {
  return list(body.cmds).flatMap((item) => {
    const subtype = text(bodyOf(item, 'AlterTableCmd')?.subtype);
    return ALTER_TABLE.flatMap(([pattern, risk]) => (pattern.test(subtype) ? [risk] : []));
  });
}

/** SECURITY DEFINER lends its owner's rights to whoever calls. */
function definer(body: Body): boolean {
  return [...list(body.options), ...list(body.actions)].some((item) => {
    const option = bodyOf(item, 'DefElem');
    return option?.defname === 'security' && bodyOf(option.arg, 'Boolean')?.boolval === true;
  });
}

const TABLE_OBJECTS = new Set([
  'OBJECT_TABLE',
  'OBJECT_VIEW',
  'OBJECT_MATVIEW',
  'OBJECT_FOREIGN_TABLE',
  'OBJECT_SEQUENCE',
]);

/** `DROP TABLE a.b`: names of a drop stand as lists of strings. */
function dropped(body: Body): unknown[] {
  if (!TABLE_OBJECTS.has(text(body.removeType))) return [];
  return list(body.objects).flatMap((object) => {
    const names = strings(nodeOf(object)?.body.items) ?? [];
    const [relname, schemaname] = [names.at(-1), names.at(-2)];
    if (relname === undefined || body.missing_ok === true) return [];
    return [{ relname, ...(schemaname === undefined ? {} : { schemaname }) }];
  });
}

function relationsOf(kind: string, body: Body): readonly unknown[] {
  if (kind === 'DropStmt') return dropped(body);
  // Of these the relation is what comes to be, or what the statement may not find.
  if (/^Create(Stmt|ForeignTableStmt|SeqStmt)$/.test(kind) || body.missing_ok === true) return [];
  if (kind === 'GrantStmt' && body.objtype !== 'OBJECT_TABLE') return [];
  if (kind === 'GrantStmt') return body.targtype === 'ACL_TARGET_OBJECT' ? list(body.objects) : [];
  const isIndex = /INDEX|TYPE|SEQUENCE/.test(text(body.objtype ?? body.renameType));
  return isObject(body.relation) && !isIndex ? [body.relation] : [];
}

export function definitionOf(kind: string, body: Body): Definition | undefined {
  const known = RISKS[kind];
  if (!known) return undefined;
  const [verb, ...risks] = known;
  return {
    verb,
    risks: [
      ...risks,
      ...(kind === 'AlterTableStmt' ? alterTable(body) : []),
      ...(definer(body) ? (['definer-rights'] as const) : []),
    ],
    relations: relationsOf(kind, body),
    statements: kind === 'CreateSchemaStmt' ? list(body.schemaElts) : [],
  };
}

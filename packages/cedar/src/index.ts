export type * from './ast.ts';
export {
  type Answer,
  authorize,
  type CompiledPolicies,
  compileExpr,
  compilePolicies,
  type ExprResult,
  type PolicyEntry,
  type PolicyError,
} from './engine/authorize.ts';
export { CedarError, type CedarErrorCode } from './engine/error.ts';
export * from './engine/limits.ts';
export { ENTITIES_MAX, type Entities, prepareEntities } from './entities/entities.ts';
export {
  entitiesFromJson,
  recordFromJson,
  uidFromJson,
  VALUE_JSON_DEPTH_MAX,
  valueFromJson,
} from './entities/from-json.ts';
export { entitiesToJson, valueToJson } from './entities/to-json.ts';
export { Datetime, parseDatetime } from './extension/datetime.ts';
export { Decimal, parseDecimal } from './extension/decimal.ts';
export { Duration, parseDuration } from './extension/duration.ts';
export type { Extension } from './extension/extension.ts';
export { IpAddress, parseIp } from './extension/ip.ts';
export { type PolicyFromJson, policyFromJson } from './json/from-json.ts';
export {
  JSON_DEPTH_MAX,
  JSON_LENGTH_MAX,
  type Json,
  type JsonLimits,
  JsonNumber,
  type JsonObject,
  parseJson,
  stringifyJson,
} from './json/json.ts';
export type { JsonError } from './json/place.ts';
export type { JsonExpr, JsonPolicy, JsonPolicySet } from './json/policy-json.ts';
export {
  type PolicySet,
  type PolicySetFromJson,
  policiesOf,
  policySetFromJson,
  policySetToJson,
  type TemplateLink,
} from './json/policy-set.ts';
export { policyToJson } from './json/to-json.ts';
export { actionEntities, enumeratedTypes } from './schema/actions.ts';
export type { Schema } from './schema/declaration.ts';
export {
  type ActionDescription,
  type AttributeDescription,
  type CommonTypeDescription,
  describeSchema,
  type EntityTypeDescription,
  findUndocumented,
  type SchemaDescription,
} from './schema/describe.ts';
export { schemaFromJson } from './schema/from-json.ts';
export { parseSchema } from './schema/parse.ts';
export { resolveSchema } from './schema/resolve.ts';
export * from './schema/schema-error.ts';
export { type SchemaJson, schemaToJson } from './schema/to-json.ts';
export type {
  Action,
  Attribute,
  EntityType,
  RecordType,
  ResolvedSchema,
  Type,
} from './schema/type.ts';
export { findUnknownNames, type UnknownName } from './schema/unknown-names.ts';
export { compileSchema, type RequestValidator } from './schema/validator.ts';
export { formatParseError, type ParseError } from './syntax/error.ts';
export * from './syntax/limits.ts';
export { type LinkedPolicy, linkTemplate, type SlotValues, slotsOf } from './syntax/link.ts';
export { type ParsedExpr, type ParsedPolicies, parseExpr, parsePolicies } from './syntax/policy.ts';
export { printPolicies, printPolicy } from './syntax/print.ts';
export { printExpr } from './syntax/print-expression.ts';
export { operandsOf } from './syntax/spine.ts';
export * from './value.ts';

export type * from './ast.ts';
export type { Extension } from './extension/extension.ts';
export { formatParseError, type ParseError } from './syntax/error.ts';
export * from './syntax/limits.ts';
export { type ParsedExpr, type ParsedPolicies, parseExpr, parsePolicies } from './syntax/policy.ts';
export * from './value.ts';

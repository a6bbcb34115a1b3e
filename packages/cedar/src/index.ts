export type * from './ast.ts';
export type { Extension } from './extension/extension.ts';
export * from './value.ts';

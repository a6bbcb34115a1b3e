export * from './detect/index.ts';
export { DEPTH_MAX, NODES_MAX } from './sql/collector.ts';
export * from './sql/facts.ts';
export { LIST_MAX } from './sql/from.ts';
export { type Template, templateOf } from './sql/lexer.ts';
export { mergeReadings, withDoubt } from './sql/merge.ts';
export {
  changesNames,
  type ReadSqlOptions,
  readSql,
  STATEMENTS_MAX,
  TEXT_BYTES_MAX,
} from './sql/read.ts';

export * from './sql/facts.ts';
export { type Template, templateOf } from './sql/lexer.ts';
export { mergeReadings, withDoubt } from './sql/merge.ts';
export {
  changesNames,
  type ReadSqlOptions,
  readSql,
  STATEMENTS_MAX,
  TEXT_LENGTH_MAX,
} from './sql/read.ts';

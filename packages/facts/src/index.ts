export * from './sql/facts.ts';

/** Where something stands in a schema's text; both count from 1, columns in UTF-16 code units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/**
 * A schema that cannot be used: misspelt, contradictory, or too large. The message starts with the place
 * where one is known, as an editor shows it.
 */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
  readonly position: Position | undefined;
  /** What the grammar would have taken instead; empty where the grammar was not the problem. */
  readonly expected: readonly string[];

  constructor(problem: string, position?: Position, expected: readonly string[] = []) {
    super(
      position === undefined
        ? problem
        : `line ${position.line}, column ${position.column}: ${problem}`,
    );
    this.position = position;
    this.expected = expected;
  }
}

/** Schemas come from operators and from tools that generate them; none of them may stall a daemon. */
export const SCHEMA_TEXT_LENGTH_MAX = 4 * 1024 * 1024;
/** Words, strings and signs of a text: each of them costs more memory than its characters. */
export const SCHEMA_TOKENS_MAX = 1_000_000;
/** Common types, entity types and actions together. */
export const SCHEMA_DECLARATIONS_MAX = 20_000;
/** Sets and records inside each other, common types counted in; every later walk over a type may recurse. */
export const TYPE_DEPTH_MAX = 128;

/**
 * How much one text may ask of the parser, and of everything that walks its tree afterwards. Policies come
 * from outside: without these, a text of nothing but parentheses ends the process.
 */

/** UTF-16 code units of one text. */
export const TEXT_LENGTH_MAX = 16_777_216;
export const POLICIES_MAX = 100_000;
/** Brackets, `if`s, calls and the like inside each other. Cedar's own WASM build gives up before 150. */
export const NESTING_MAX = 200;
/**
 * Depth of one condition's tree, where in `a && b && c` every operator is a level. Whoever walks a tree may
 * recurse over it.
 */
export const TREE_DEPTH_MAX = 1_000;
/** Operators, calls, literals and names of one policy. */
export const NODES_MAX = 100_000;
/** More of them help nobody, and a large text of garbage could produce one per byte. */
export const ERRORS_MAX = 100;

export interface ParseLimits {
  readonly textLengthMax: number;
  readonly policiesMax: number;
  readonly nestingMax: number;
  readonly treeDepthMax: number;
  readonly nodesMax: number;
}

const DEFAULTS: ParseLimits = {
  textLengthMax: TEXT_LENGTH_MAX,
  policiesMax: POLICIES_MAX,
  nestingMax: NESTING_MAX,
  treeDepthMax: TREE_DEPTH_MAX,
  nodesMax: NODES_MAX,
};

/** Limits can be lowered and never raised: what comes after the parser relies on them. */
export function lowerLimits(wanted: Partial<ParseLimits> = {}): ParseLimits {
  const lower = (name: keyof ParseLimits): number =>
    Math.min(DEFAULTS[name], wanted[name] ?? DEFAULTS[name]);
  return {
    textLengthMax: lower('textLengthMax'),
    policiesMax: lower('policiesMax'),
    nestingMax: lower('nestingMax'),
    treeDepthMax: lower('treeDepthMax'),
    nodesMax: lower('nodesMax'),
  };
}

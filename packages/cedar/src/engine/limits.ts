/**
 * What one policy may cost. Exceeding a limit is an error of that policy, as a type error is, so that a
 * guard that fails closed on the errors of its forbids fails closed here too.
 */

/** Nested operators; chains of one operator (`a && b && …`, `a + b - …`, `else if`) count once. */
export const EXPRESSION_DEPTH_MAX = 400;
/** Operators and operands of all conditions of a policy. */
export const EXPRESSION_NODES_MAX = 200_000;
/** Elements looked at by set operations, comparisons of structures and pattern matching: one policy, one request. */
export const POLICY_STEPS_MAX = 2_000_000;
/** The same over all policies of a request, some 100 ms of work. */
export const REQUEST_STEPS_MAX = 20_000_000;
/** Of sets in records in sets; what comes through JSON is bounded earlier, see the readers. */
export const VALUE_DEPTH_MAX = 256;

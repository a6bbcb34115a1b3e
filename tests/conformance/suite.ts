/**
 * One suite of a conformance run: every case either exact or listed with what was expected and what
 * came.
 */
interface Difference {
  readonly id: string;
  readonly expected: string;
  readonly got: string;
}

/** More of them say nothing new; `total` and `exact` still count all. */
const DIFFERENCES_MAX = 100;

export interface Suite {
  readonly name: string;
  readonly total: number;
  readonly exact: number;
  readonly differences: readonly Difference[];
}

export interface Case {
  readonly id: string;
  readonly expected: string;
  /** What our code answers; a throw counts as its message. */
  readonly run: () => string | Promise<string>;
}

/** Cases may be generated as they are run, so that a corpus need not be in memory at once. */
export async function runSuite(name: string, cases: Iterable<Case>): Promise<Suite> {
  const differences: Difference[] = [];
  let total = 0;
  let exact = 0;
  for (const { id, expected, run } of cases) {
    const got = await answer(run);
    total++;
    if (got === expected) exact++;
    else if (differences.length < DIFFERENCES_MAX) differences.push({ id, expected, got });
  }
  return { name, total, exact, differences };
}

async function answer(run: Case['run']): Promise<string> {
  try {
    return await run();
  } catch (error) {
    return `threw: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** A suite without cases has shown nothing, so it is not a success. */
export const isExact = (suite: Suite): boolean => suite.total > 0 && suite.exact === suite.total;

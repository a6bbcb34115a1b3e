/**
 * One suite of a conformance run: every case either exact or listed with what was expected and what
 * came.
 */
interface Difference {
  readonly id: string;
  readonly expected: string;
  readonly got: string;
}

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

export async function runSuite(name: string, cases: readonly Case[]): Promise<Suite> {
  const differences: Difference[] = [];
  for (const { id, expected, run } of cases) {
    const got = await answer(run);
    if (got !== expected) differences.push({ id, expected, got });
  }
  return { name, total: cases.length, exact: cases.length - differences.length, differences };
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

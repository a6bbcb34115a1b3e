/** Latencies of single calls. Sides that are compared take turns, so that a noisy machine is noisy for all. */

export interface Side {
  readonly name: string;
  /** One closure a request. */
  readonly deciders: readonly (() => unknown)[];
}

export interface Latency {
  readonly p50Us: number;
  readonly p99Us: number;
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

export const median = (values: readonly number[]): number =>
  quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );

/** What reading the clock twice takes is in every figure, ours and theirs. */
function timeCalls(side: Side, calls: number): Latency {
  const { deciders } = side;
  const latencies = new Float64Array(calls);
  for (let at = 0; at < calls; at++) {
    const decide = deciders[at % deciders.length];
    const started = performance.now();
    decide?.();
    latencies[at] = performance.now() - started;
  }
  const sorted = [...latencies.sort()];
  return { p50Us: quantile(sorted, 0.5) * 1_000, p99Us: quantile(sorted, 0.99) * 1_000 };
}

const WARM_UP_CALLS = 2_000;
const CALLS_MAX = 20_000;
const CALLS_MIN = 20;

/** For each side the latency of each round; every side gets about `budgetMs` a round. */
export function timeRounds(
  sides: readonly Side[],
  { rounds, budgetMs }: { readonly rounds: number; readonly budgetMs: number },
): readonly (readonly Latency[])[] {
  const calls = sides.map((side) => {
    const started = performance.now();
    let done = 0;
    do side.deciders[done % side.deciders.length]?.();
    while (++done < WARM_UP_CALLS && performance.now() - started < budgetMs);
    const eachMs = (performance.now() - started) / done;
    return Math.max(CALLS_MIN, Math.min(CALLS_MAX, Math.round(budgetMs / eachMs)));
  });
  const latencies: Latency[][] = sides.map(() => []);
  for (let round = 0; round < rounds; round++)
    for (const [at, side] of sides.entries())
      latencies[at]?.push(timeCalls(side, calls[at] ?? CALLS_MIN));
  return latencies;
}

/** Replaying a candidate over a long log by two workers: reading it, asking anew, and counting. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { replayLog } from '../../packages/server/src/policy/replay-log.ts';
import { candidateSet, generateLog } from '../../packages/server/testing/generated-log.ts';
import type { Row } from '../run.ts';
import { median } from './timing.ts';

const DECISIONS = 200_000;
const POLICIES = 100;
const WORKERS = 2;
const ROUNDS = 3;
const PER_SECOND_MIN = 150_000;

export async function replayRows(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sealrail-bench-replay-'));
  try {
    const log = await generateLog(folder, DECISIONS);
    const rate = async (reads: 'hour' | 'now'): Promise<number> => {
      const set = candidateSet(POLICIES, reads);
      const rates: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const startedMs = performance.now();
        const { decisions } = await replayLog({
          ...log,
          candidate: set.canonical,
          workers: WORKERS,
        });
        if (decisions !== DECISIONS) throw new Error(`${decisions} decisions were replayed`);
        rates.push(decisions / ((performance.now() - startedMs) / 1_000));
      }
      set.close();
      return median(rates);
    };
    const [usual, anew] = [await rate('hour'), await rate('now')];
    return [
      {
        name: `replay: ${POLICIES} policies, ${DECISIONS} decisions, ${WORKERS} workers`,
        value: usual,
        unit: 'decisions/s',
        floor: PER_SECOND_MIN,
        ok: usual >= PER_SECOND_MIN,
      },
      {
        name: 'replay: the same with policies that read the time, so that no answer comes twice',
        value: anew,
        unit: 'decisions/s',
        ok: true,
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

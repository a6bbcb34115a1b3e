/**
 * pgbench through the gateway, every decision durable (one fdatasync before each effect), against the same
 * server without it. Statements are TPC-B's; at scale 1 all transactions update one row and wait for each
 * other, so that the figure shows added latency more than throughput.
 */
import {
  type BenchResult,
  postgresProgram,
  type QueryMode,
  runPgbench,
  startBenchSystem,
} from '../tests/pgbench.ts';
import type { Row } from './run.ts';

const CLIENTS = 8;
const SECONDS = 8;
const ROUNDS = 3;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

interface Case {
  readonly name: string;
  readonly mode: QueryMode;
  readonly script?: string;
}

const CASES: readonly Case[] = [
  ...(['simple', 'extended', 'prepared'] as const).map((mode) => ({
    name: `TPC-B, ${mode}`,
    mode,
  })),
  ...(['simple', 'prepared'] as const).map((mode) => ({
    name: `SELECT only, ${mode}`,
    mode,
    script: 'select-only',
  })),
];

export async function benchPostgres(say: (line: string) => void): Promise<readonly Row[]> {
  const pgbench = postgresProgram('pgbench');
  if (pgbench === undefined)
    throw new Error('pgbench is not installed: apt-get install postgresql');
  const system = await startBenchSystem(pgbench);
  const rows: Row[] = [];
  try {
    for (const { name, mode, script } of CASES) {
      const shared = {
        mode,
        clients: CLIENTS,
        seconds: SECONDS,
        ...(script === undefined ? {} : { script }),
      };
      const results: { through: BenchResult; direct: BenchResult }[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const through = await runPgbench(pgbench, {
          ...shared,
          port: system.gatewayPort,
          user: 'svc',
          password: system.password('svc'),
        });
        const direct = await runPgbench(pgbench, {
          ...shared,
          port: system.postgres.port,
          user: 'postgres',
          password: system.postgres.password,
        });
        say(
          `${name}, round ${round + 1}: ${through.tps} tps through the gateway (${through.failed} failed), ${direct.tps} direct`,
        );
        results.push({ through, direct });
      }
      const value = median(results.map(({ through }) => through.tps));
      const baseline = median(results.map(({ direct }) => direct.tps));
      const ok = results.every(({ through }) => through.code === 0 && through.failed === 0);
      rows.push({
        name: `${name}, ${CLIENTS} clients, durability sync`,
        value,
        unit: 'tps',
        baseline,
        ratio: value / baseline,
        ok,
      });
    }
  } finally {
    await system.stop();
  }
  return rows;
}

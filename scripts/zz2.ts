import { postgresProgram, runPgbench, startBenchSystem } from '../tests/pgbench.ts';
const pgbench = postgresProgram('pgbench')!;
const system = await startBenchSystem(pgbench);
try {
  const r = await runPgbench(pgbench, { mode: 'prepared', clients: 16, seconds: 12, script: 'select-only', port: system.gatewayPort, user: 'svc', password: system.password('svc') });
  console.log(r.tps);
} finally { await system.stop(); }

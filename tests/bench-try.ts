import { postgresProgram, runPgbench, startBenchSystem } from './pgbench.ts';
const b = postgresProgram('pgbench')!; const s = await startBenchSystem(b);
await new Promise(r=>setTimeout(r,2000));
try { for (const mode of ['simple','extended','prepared'] as const) { const r = await runPgbench(b,{port:s.gatewayPort,user:'svc',password:s.password('svc'),mode,clients:8,seconds:5}); console.log(mode, r.tps, r.failed, r.code, r.out.slice(-1500)); const d = await runPgbench(b,{port:s.postgres.port,user:'postgres',password:s.postgres.password,mode,clients:8,seconds:3}); console.log('direct',d.tps);} console.log(s.said.join('\n')); } finally { await s.stop(); }

import { readFileSync, writeFileSync } from 'node:fs';
import { postgresProgram, runPgbench, startBenchSystem } from '../tests/pgbench.ts';
const pgbench = postgresProgram('pgbench')!;
const system = await startBenchSystem(pgbench);
const run = async (label: string) => {
  for (const [mode, script] of [['prepared','select-only']] as const) for (const clients of [1, 8, 32]) {
    const shared = { mode, clients, seconds: 5, ...(script ? { script } : {}) } as const;
    const cpu = () => { const s = readFileSync(`/proc/${system.daemon.child.pid}/stat`, 'utf8').split(' '); return (Number(s[13]) + Number(s[14])) * 10; };
    const c0 = cpu();
    const r = await runPgbench(pgbench, { ...shared, port: system.gatewayPort, user: 'svc', password: system.password('svc') });
    console.log(label, mode, script ?? 'tpcb', clients, 'clients', r.tps.toFixed(0), 'tps', r.failed, 'cpu us/tx', ((cpu() - c0) * 1000 / (r.tps * 5)).toFixed(0), 'lat ms', (clients / r.tps * 1000).toFixed(2));
  }
};
try {
  await run('sync');
  await system.stopDaemon();
  writeFileSync(system.config, readFileSync(system.config, 'utf8').replace('key: file:./log.key }', 'key: file:./log.key, durability: none }'));
  await system.startDaemon();
  await run('none');
} finally { await system.stop(); }

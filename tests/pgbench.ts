/** pgbench through the gateway: initialised straight at the server, run as a user whom the policies permit. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type System, startSystem } from './system.ts';

export type QueryMode = 'simple' | 'extended' | 'prepared';

/** Debian keeps the programs of each server line in a folder of its own; undefined where there is none. */
export function postgresProgram(name: string): string | undefined {
  const root = '/usr/lib/postgresql';
  const lines = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const places = [
    ...lines.map((line) => join(root, line, 'bin')),
    ...(process.env.PATH ?? '').split(':'),
  ];
  return places.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

export interface Ran {
  readonly code: number | null;
  readonly out: string;
}

export function runProgram(
  program: string,
  args: readonly string[],
  password: string,
  input?: string,
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, PGPASSWORD: password, PGOPTIONS: '' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let out = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        out += text;
      });
    }
    child.once('error', reject).once('close', (code) => resolve({ code, out }));
    child.stdin.end(input ?? '');
  });
}

/** With pgbench's tables, initialised straight at the server before the daemon looks at its catalog. */
export function startBenchSystem(pgbench: string): Promise<System> {
  const server = (port: number) => ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres'];
  const must = async (ran: Promise<Ran>) => {
    const { code, out } = await ran;
    if (code !== 0) throw new Error(out);
  };
  return startSystem({
    database: 'bench',
    role: 'bench_role',
    users: [{ name: 'svc', type: 'service', groups: ['writers'] }],
    prepare: async ({ port, password }) => {
      await must(runProgram(pgbench, ['-i', '-q', '-s', '1', ...server(port), 'bench'], password));
      const grant =
        'GRANT USAGE ON SCHEMA public TO bench_role; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO bench_role;';
      const psql = postgresProgram('psql') ?? 'psql';
      await must(runProgram(psql, ['-X', ...server(port), '-d', 'bench', '-c', grant], password));
    },
  });
}

export interface BenchResult {
  readonly tps: number;
  readonly failed: number;
  readonly code: number | null;
  readonly out: string;
}

export async function runPgbench(
  pgbench: string,
  options: {
    port: number;
    user: string;
    password: string;
    mode: QueryMode;
    clients: number;
    seconds: number;
    script?: string;
  },
): Promise<BenchResult> {
  const args = [
    '-n',
    '-M',
    options.mode,
    '-c',
    String(options.clients),
    '-T',
    String(options.seconds),
    ...(options.script === undefined ? [] : ['-b', options.script]),
  ];
  const { code, out } = await runProgram(
    pgbench,
    [...args, '-h', '127.0.0.1', '-p', String(options.port), '-U', options.user, 'bench'],
    options.password,
  );
  return {
    code,
    out,
    tps: Number(/tps = ([0-9.]+)/.exec(out)?.[1] ?? 0),
    failed: Number(
      /number of failed transactions: ([0-9]+)/.exec(out)?.[1] ?? (code === 0 ? 0 : 1),
    ),
  };
}

/** `npm run bench -- NAME --json`: figures side by side with their baselines, measured in the same run. */
import { parseArgs } from 'node:util';
import { benchLog } from './log.ts';
import { benchMasking } from './masking.ts';
import { benchPolicy } from './policy.ts';
import { benchPostgres } from './postgres.ts';

export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the value is compared with, measured in the same run; absent where the floor is of the value itself. */
  readonly baseline?: number;
  readonly ratio?: number;
  /** Of the ratio, or of the value where there is none; absent where none is set, and the row is only watched. */
  readonly floor?: number;
  readonly ok: boolean;
}

type Bench = (say: (line: string) => void) => Promise<readonly Row[]>;

const BENCHES: Readonly<Record<string, Bench>> = {
  log: benchLog,
  masking: benchMasking,
  policy: benchPolicy,
  postgres: benchPostgres,
};

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean' } },
  allowPositionals: true,
});
const [name = ''] = positionals;
const bench = BENCHES[name];
if (!bench) {
  console.error(
    `error: there is no benchmark ${JSON.stringify(name)}; there is ${Object.keys(BENCHES).join(', ')}`,
  );
  process.exit(64);
}
const rows = await bench((line) => console.error(line));
const ok = rows.every((row) => row.ok);
if (values.json) console.log(JSON.stringify({ bench: name, rows, ok }));
else console.table(rows);
process.exit(ok ? 0 : 1);

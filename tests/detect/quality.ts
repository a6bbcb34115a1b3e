/** `node tests/detect/quality.ts [--json]`: precision and recall of the detectors over the labelled texts. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { detectKinds } from '../../packages/facts/src/detect/detect.ts';
import {
  type DetectedKind,
  PERSONAL_KINDS,
  SECRET_KINDS,
} from '../../packages/facts/src/detect/finding.ts';
import { type Case, heldOutCases, tunedCases } from './cases.ts';

export interface Figures {
  readonly kind: string;
  readonly found: number;
  /** Texts that have it and were not told to. */
  readonly missed: number;
  /** Texts that were told to have it and do not. */
  readonly wrong: number;
  readonly precision: number;
  readonly recall: number;
}

export interface Mistake {
  readonly name: string;
  readonly text: string;
  readonly kinds: readonly string[];
  readonly told: readonly string[];
}

/** Written by hand: one row a text, in parts, so that no scanner of repositories stops at a line. */
export function writtenCases(): Case[] {
  const path = fileURLToPath(new URL('cases.jsonl', import.meta.url));
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const row = JSON.parse(line) as { name: string; parts: string[]; kinds: DetectedKind[] };
      return { name: row.name, text: row.parts.join(''), kinds: row.kinds };
    });
}

export function measure(cases: readonly Case[]): { rows: Figures[]; mistakes: Mistake[] } {
  const counts = new Map<string, { found: number; missed: number; wrong: number }>();
  const count = (kind: string) => {
    const known = counts.get(kind) ?? { found: 0, missed: 0, wrong: 0 };
    counts.set(kind, known);
    return known;
  };
  const mistakes: Mistake[] = [];
  for (const { name, text, kinds } of cases) {
    const { secrets, personal } = detectKinds(text);
    const told: string[] = [...secrets, ...personal];
    for (const kind of kinds) {
      if (told.includes(kind)) count(kind).found++;
      else count(kind).missed++;
    }
    const wrong = told.filter((kind) => !kinds.some((one) => one === kind));
    for (const kind of wrong) count(kind).wrong++;
    if (wrong.length > 0 || kinds.some((kind) => !told.includes(kind)))
      mistakes.push({ name, text, kinds, told });
  }
  const rowOf = (kind: string, of: readonly string[]): Figures => {
    const all = of.map(count);
    const sum = (name: 'found' | 'missed' | 'wrong') =>
      all.reduce((total, one) => total + one[name], 0);
    const [found, missed, wrong] = [sum('found'), sum('missed'), sum('wrong')];
    return {
      kind,
      found,
      missed,
      wrong,
      precision: found / (found + wrong || 1),
      recall: found / (found + missed || 1),
    };
  };
  const rows = [
    rowOf('secrets', SECRET_KINDS),
    rowOf('personal', PERSONAL_KINDS),
    ...[...SECRET_KINDS, ...PERSONAL_KINDS].map((kind) => rowOf(kind, [kind])),
  ];
  return { rows, mistakes };
}

export const halves = (): Readonly<Record<string, readonly Case[]>> => ({
  written: writtenCases(),
  tuned: tunedCases(),
  'held out': heldOutCases(),
});

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { json: { type: 'boolean' }, mistakes: { type: 'boolean' } },
  });
  const measured = Object.entries(halves()).map(([name, cases]) => ({
    name,
    texts: cases.length,
    ...measure(cases),
  }));
  if (values.json) {
    console.log(
      JSON.stringify({ sets: measured.map(({ name, texts, rows }) => ({ name, texts, rows })) }),
    );
  } else {
    for (const { name, texts, rows, mistakes } of measured) {
      console.log(`\n${name}: ${texts} texts`);
      console.table(
        rows.map((row) => ({
          ...row,
          precision: row.precision.toFixed(3),
          recall: row.recall.toFixed(3),
        })),
      );
      // Of what is held out only figures are shown: whoever looks at the texts tunes by them.
      if (values.mistakes && name !== 'held out')
        for (const one of mistakes) console.log(JSON.stringify(one));
    }
  }
}

/** Changes of files as a unified diff, for `patch -p1` or `git apply` in the folder. Pure. */
import type { FileChange } from './exception.ts';

const CONTEXT_LINES = 3;

/** Names are those of the files in the folder. Nothing for files that stay. */
export const patchOf = (changes: readonly FileChange[]): string =>
  changes
    .filter(({ before, after }) => before !== after)
    .map(filePatch)
    .join('');

function filePatch({ name, before, after }: FileChange): string {
  const hunks = hunksOf(linesOf(before), linesOf(after));
  const from = before === '' ? '/dev/null' : `a/${name}`;
  return `--- ${from}\n+++ b/${name}\n${hunks.join('')}`;
}

/** Each with its line's end; the last may have none. */
const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

interface Edit {
  readonly kind: ' ' | '-' | '+';
  readonly line: string;
}

function hunksOf(before: readonly string[], after: readonly string[]): string[] {
  const edits = editsOf(before, after);
  const changed = edits.flatMap(({ kind }, at) => (kind === ' ' ? [] : [at]));
  const hunks: string[] = [];
  for (let first = 0; first < changed.length; ) {
    let last = first;
    const near = 2 * CONTEXT_LINES;
    while (last + 1 < changed.length && gap(changed, last) <= near) last++;
    const from = Math.max(0, (changed[first] ?? 0) - CONTEXT_LINES);
    const to = Math.min(edits.length, (changed[last] ?? 0) + 1 + CONTEXT_LINES);
    hunks.push(hunkOf(edits, from, to));
    first = last + 1;
  }
  return hunks;
}

const gap = (changed: readonly number[], at: number): number =>
  (changed[at + 1] ?? 0) - (changed[at] ?? 0) - 1;

function hunkOf(edits: readonly Edit[], from: number, to: number): string {
  const count = (part: readonly Edit[], without: Edit['kind']): number =>
    part.filter(({ kind }) => kind !== without).length;
  const [ahead, inside] = [edits.slice(0, from), edits.slice(from, to)];
  const range = (without: Edit['kind']): string => {
    const length = count(inside, without);
    return `${count(ahead, without) + (length === 0 ? 0 : 1)},${length}`;
  };
  const text = inside.map(({ kind, line }) =>
    line.endsWith('\n') ? kind + line : `${kind}${line}\n\\ No newline at end of file\n`,
  );
  return `@@ -${range('+')} +${range('-')} @@\n${text.join('')}`;
}

/** Pairs of lines between the first and the last change that are compared; beyond, all of it is replaced. */
const PAIRS_MAX = 4_000_000;

/** Lines that both have stay where they are. */
function editsOf(before: readonly string[], after: readonly string[]): Edit[] {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const [from, to] = [before, after].map((lines) => lines.slice(head, lines.length - tail));
  return [
    ...stays(before.slice(0, head)),
    ...middleEdits(from ?? [], to ?? []),
    ...stays(before.slice(before.length - tail)),
  ];
}

const stays = (lines: readonly string[]): Edit[] => lines.map((line) => ({ kind: ' ', line }));

function middleEdits(before: readonly string[], after: readonly string[]): Edit[] {
  if (before.length * after.length > PAIRS_MAX)
    return [
      ...before.map((line): Edit => ({ kind: '-', line })),
      ...after.map((line): Edit => ({ kind: '+', line })),
    ];
  const common = commonLengths(before, after);
  const edits: Edit[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const [line, other] = [before[i], after[j]];
    if (line !== undefined && line === other) {
      edits.push({ kind: ' ', line });
      i++;
      j++;
    } else if (
      line !== undefined &&
      (other === undefined || (common[i + 1]?.[j] ?? 0) >= (common[i]?.[j + 1] ?? 0))
    ) {
      edits.push({ kind: '-', line });
      i++;
    } else {
      edits.push({ kind: '+', line: other ?? '' });
      j++;
    }
  }
  return edits;
}

/** Of each pair of ends the length of the longest sequence of lines that both have. */
function commonLengths(before: readonly string[], after: readonly string[]): Uint32Array[] {
  const rows = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--) {
      const row = rows[i];
      if (row === undefined) continue;
      row[j] =
        before[i] === after[j]
          ? (rows[i + 1]?.[j + 1] ?? 0) + 1
          : Math.max(rows[i + 1]?.[j] ?? 0, row[j + 1] ?? 0);
    }
  return rows;
}

/** Longer names are never near to a word of the language, and comparing them costs their square. */
const NAME_LENGTH_MAX = 40;

/** "did you mean `x`?" for the candidate nearest to what was written, if one is near. */
export function suggest(written: string, candidates: Iterable<string>): string | undefined {
  const best = nearest(written, candidates);
  return best === undefined ? undefined : `did you mean \`${best}\`?`;
}

export function nearest(written: string, candidates: Iterable<string>): string | undefined {
  if (written.length > NAME_LENGTH_MAX) return undefined;
  let best: string | undefined;
  // A third of the word may differ: `principle` is principal, `foo` is nothing.
  let bestDistance = Math.max(1, Math.floor(written.length / 3)) + 1;
  for (const candidate of candidates) {
    // Names differ by at least their difference in length, which is cheap to know.
    if (Math.abs(candidate.length - written.length) >= bestDistance) continue;
    const distance =
      candidate.toLowerCase() === written.toLowerCase() ? 0 : editDistance(written, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** What people write who know other languages. */
const HABITS: ReadonlyMap<string, string> = new Map([
  ['=', 'equality is written `==`'],
  ['&', '`and` is written `&&`'],
  ['and', '`and` is written `&&`'],
  ['|', '`or` is written `||`'],
  ['or', '`or` is written `||`'],
  ['not', '`not` is written `!(…)`'],
  ["'", 'strings stand in double quotes'],
  ['`', 'strings stand in double quotes'],
  ['#', 'comments begin with `//`'],
  ['null', 'Cedar has no null: `has` asks whether something is there'],
  ['\ufeff', 'this is a byte order mark'],
]);

export const hintFor = (written: string): string | undefined => HABITS.get(written);

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, beforeLast[j - 2]! + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}

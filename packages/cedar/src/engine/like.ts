import type { Pattern } from '../ast.ts';

/** A piece up to this long is searched for by the platform, whose worst case is their product. */
const PIECE_SCAN_MAX = 32;

/**
 * Whether text matches, decided in time linear in its length whatever the pattern is: each piece between
 * wildcards is taken at its first occurrence behind the one before, which never has to be reconsidered.
 */
export function compilePattern(pattern: Pattern): (text: string) => boolean {
  const [first = '', ...rest] = pattern;
  const last = rest.pop();
  if (last === undefined) return (text) => text === first;
  const searches = rest.filter((piece) => piece !== '').map(compileSearch);
  return (text) => {
    const end = text.length - last.length;
    if (end < first.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    let from = first.length;
    for (const search of searches) {
      from = search(text, from);
      if (from < 0 || from > end) return false;
    }
    return true;
  };
}

/** Gives the place behind the first occurrence at or after `from`, or -1. */
type Search = (text: string, from: number) => number;

function compileSearch(piece: string): Search {
  if (piece.length <= PIECE_SCAN_MAX) {
    return (text, from) => {
      const start = text.indexOf(piece, from);
      return start < 0 ? -1 : start + piece.length;
    };
  }
  const borders = bordersOf(piece);
  return (text, from) => {
    let matched = 0;
    for (let index = from; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      while (matched > 0 && piece.charCodeAt(matched) !== unit) matched = borders[matched - 1]!;
      if (piece.charCodeAt(matched) === unit) matched++;
      if (matched === piece.length) return index + 1;
    }
    return -1;
  };
}

/** Of each prefix the length of its longest border (Knuth, Morris, Pratt). */
function bordersOf(piece: string): Int32Array {
  const borders = new Int32Array(piece.length);
  let border = 0;
  for (let index = 1; index < piece.length; index++) {
    const unit = piece.charCodeAt(index);
    while (border > 0 && piece.charCodeAt(border) !== unit) border = borders[border - 1]!;
    if (piece.charCodeAt(border) === unit) border++;
    borders[index] = border;
  }
  return borders;
}

/** The subset of regular expressions that rules are written in: read strictly, with the length of what may match. */

export type Checked =
  | { readonly kind: 'fits'; readonly lengthMax: number; readonly groups: number }
  | { readonly kind: 'misfit'; readonly problem: string };

class Misfit extends Error {}

export function checkPattern(source: string): Checked {
  const reader = new PatternReader(source);
  try {
    const lengthMax = reader.alternatives();
    if (!reader.ended) throw new Misfit('a group is closed that was not opened');
    return { kind: 'fits', lengthMax, groups: reader.groups };
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    return { kind: 'misfit', problem: error.message };
  }
}

class PatternReader {
  readonly #source: string;
  #at = 0;
  groups = 0;

  constructor(source: string) {
    this.#source = source;
  }

  get ended(): boolean {
    return this.#at === this.#source.length;
  }

  alternatives(): number {
    let longest = this.#sequence();
    while (this.#take('|')) longest = Math.max(longest, this.#sequence());
    return longest;
  }

  #sequence(): number {
    let length = 0;
    while (!this.ended && !'|)'.includes(this.#peek())) length += this.#atom() * this.#repeats();
    return length;
  }

  #atom(): number {
    const char = this.#next();
    switch (char) {
      case '(':
        return this.#group();
      case '[':
        return this.#class();
      case '\\':
        return this.#escape();
      case '^':
      case '$':
        return 0;
      case '.':
        throw new Misfit('`.` is read differently about line ends');
      case '*':
      case '+':
      case '?':
      case '{':
        throw new Misfit(`nothing to repeat before ${char}`);
      default:
        return 1;
    }
  }

  #group(): number {
    if (this.#take('?')) {
      if (!this.#take(':')) throw new Misfit('a group that is neither captured nor `(?:`');
    } else {
      this.groups++;
    }
    const length = this.alternatives();
    if (!this.#take(')')) throw new Misfit('a group that is not closed');
    return length;
  }

  #class(): number {
    if (this.#peek() === ']') throw new Misfit('an empty class');
    while (this.#peek() !== ']') {
      const char = this.#next();
      if (char === '[') throw new Misfit('`[` inside of a class');
      if (char === '\\') this.#escape();
    }
    this.#next();
    return 1;
  }

  #escape(): number {
    const char = this.#next();
    if (/[1-9k]/.test(char)) throw new Misfit('a back-reference');
    if (char === 'b' || char === 'B') return 0;
    // White space of other scripts is in V8's \s and not in RE2's; only where all of it is left out is it one.
    if (/[A-Za-z]/.test(char) && !/[dnrtsw]/.test(char))
      throw new Misfit(`\\${char} is not read alike`);
    return 1;
  }

  #repeats(): number {
    if (this.#take('?')) return this.#lazy(1);
    if (this.#peek() === '*' || this.#peek() === '+') throw new Misfit('a repeat without a bound');
    if (this.#peek() !== '{') return 1;
    const bounds = /^\{(\d+)(?:,(\d+))?\}/.exec(this.#source.slice(this.#at));
    if (!bounds) throw new Misfit('a repeat without an upper bound');
    this.#at += bounds[0].length;
    const most = Number(bounds[2] ?? bounds[1]);
    // RE2 takes no more.
    if (most > 1_000) throw new Misfit('a repeat of more than 1,000');
    return this.#lazy(most);
  }

  #lazy(most: number): number {
    if ('?*+{'.includes(this.#peek() || ' ')) throw new Misfit('a repeat of a repeat');
    return most;
  }

  #peek(): string {
    return this.#source[this.#at] ?? '';
  }

  #next(): string {
    const char = this.#source[this.#at++];
    if (char === undefined) throw new Misfit('the pattern ends too early');
    return char;
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at++;
    return true;
  }
}

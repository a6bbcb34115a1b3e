/** Facts of texts under one catalog, kept for texts that come again; never verdicts. */
import { type Catalog, type ParsePort, readSql, type SqlReading } from '@sealrail/facts';

export const READINGS_MAX = 2_000;
/** In UTF-16 code units; a longer text is read each time. */
export const READING_LENGTH_MAX = 16_384;

/** While the catalog cannot be read, no name means anything. */
export const NO_CATALOG: Catalog = {
  epoch: 0,
  searchPath: [],
  relation: () => undefined,
  hasUserRoutine: () => true,
  routine: () => undefined,
};

/** Shared by the sessions of a target: facts depend on the text and the catalog, not on who asks. */
export class Readings {
  readonly #parse: ParsePort;
  readonly #kept = new Map<string, SqlReading>();
  #epoch = -1;

  constructor(parse: ParsePort) {
    this.#parse = parse;
  }

  read(text: string, catalog: Catalog, namesKnown: boolean): SqlReading {
    if (catalog.epoch !== this.#epoch) {
      this.#kept.clear();
      this.#epoch = catalog.epoch;
    }
    const key = `${namesKnown ? 'k' : 'u'}${text}`;
    const found = this.#kept.get(key);
    if (found) return found;
    const reading = readSql({ text, parse: this.#parse, catalog, namesKnown });
    // A parser that gave up says nothing about the text: the next one may read it.
    if (text.length <= READING_LENGTH_MAX && !reading.facts.doubts.includes('too-deep')) {
      if (this.#kept.size >= READINGS_MAX) this.#forgetOldest();
      this.#kept.set(key, reading);
    }
    return reading;
  }

  #forgetOldest(): void {
    for (const [key] of this.#kept) {
      this.#kept.delete(key);
      return;
    }
  }
}

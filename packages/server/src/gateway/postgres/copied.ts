/**
 * Secrets and personal data in what a COPY FROM STDIN brings, while it passes. The rows take effect when the
 * COPY is over, and not before the last of them has been looked at.
 */
import { type DetectedKind, type DetectedKinds, openScanner, sortKinds } from '@sealrail/facts';
import { binaryNumbers, NUMBER_BYTES_MAX } from './detected.ts';

export class CopiedData {
  readonly #known = new Set<DetectedKind>();
  #doubted = false;
  #scanner = openScanner({ known: this.#known });
  #numbers = openScanner({ known: this.#known });
  #rows = new BinaryRows();
  /** Kinds and doubts that somebody has been told of. */
  #told = 0;

  /** True where there is something that was not there before. */
  push(data: Buffer): boolean {
    this.#scanner.push(data);
    for (const number of this.#rows.push(data)) this.#numbers.push(`\0${number}`);
    return this.#news();
  }

  /** The data of one COPY is over; another one of the same message may follow. */
  end(): boolean {
    for (const scanner of [this.#scanner, this.#numbers]) {
      scanner.end();
      this.#doubted ||= scanner.doubts.length > 0;
    }
    this.#scanner = openScanner({ known: this.#known });
    this.#numbers = openScanner({ known: this.#known });
    this.#rows = new BinaryRows();
    return this.#news();
  }

  get kinds(): DetectedKinds {
    return { ...sortKinds(this.#known), doubts: this.#doubted ? ['detector-failed'] : [] };
  }

  #news(): boolean {
    this.#doubted ||= this.#scanner.doubts.length > 0;
    const count = this.#known.size + (this.#doubted ? 1 : 0);
    const news = count > this.#told;
    this.#told = count;
    return news;
  }
}

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const HEADER_BYTES = SIGNATURE.length + 8;

/** Numbers in the binary format of COPY; nothing where the data is in another one. */
class BinaryRows {
  #pending: Buffer = Buffer.alloc(0);
  #state: 'header' | 'row' | 'field' | 'over' = 'header';
  #fields = 0;
  /** Bytes of a value that is too long for a number, and still to come. */
  #skip = 0;

  push(data: Buffer): string[] {
    if (this.#state === 'over') return [];
    const bytes = this.#pending.length === 0 ? data : Buffer.concat([this.#pending, data]);
    const numbers: string[] = [];
    let at = 0;
    for (
      let taken = this.#take(bytes, at, numbers);
      taken > 0;
      taken = this.#take(bytes, at, numbers)
    ) {
      at += taken;
    }
    // Copied: the chunk that it is a part of is not ours to keep.
    this.#pending = Buffer.from(bytes.subarray(at));
    return numbers;
  }

  /** How many bytes were read; 0 where more have to come first. */
  #take(bytes: Buffer, at: number, numbers: string[]): number {
    const left = bytes.length - at;
    if (this.#skip > 0) {
      const skipped = Math.min(left, this.#skip);
      this.#skip -= skipped;
      return skipped;
    }
    switch (this.#state) {
      case 'header':
        if (left < HEADER_BYTES) return 0;
        this.#state = bytes.subarray(at, at + SIGNATURE.length).equals(SIGNATURE) ? 'row' : 'over';
        this.#skip = Math.max(0, bytes.readInt32BE(at + SIGNATURE.length + 4));
        return HEADER_BYTES;
      case 'row':
        if (left < 2) return 0;
        this.#fields = bytes.readInt16BE(at);
        this.#state = this.#fields < 0 ? 'over' : this.#fields === 0 ? 'row' : 'field';
        return 2;
      case 'field':
        return this.#takeField(bytes, at, numbers);
      case 'over':
        return 0;
    }
  }

  #takeField(bytes: Buffer, at: number, numbers: string[]): number {
    if (bytes.length - at < 4) return 0;
    const length = Math.max(0, bytes.readInt32BE(at));
    const isShort = length <= NUMBER_BYTES_MAX;
    if (isShort && bytes.length - at < 4 + length) return 0;
    if (--this.#fields === 0) this.#state = 'row';
    if (!isShort) {
      this.#skip = length;
      return 4;
    }
    numbers.push(...binaryNumbers(bytes.subarray(at + 4, at + 4 + length)));
    return 4 + length;
  }
}

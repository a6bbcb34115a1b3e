/**
 * A stream through the rules, in windows at fixed places: which chunks it came in changes nothing, and no
 * more than a window is kept. A whole text goes the same way, so both find the same.
 */
import type { DetectedKind, DetectorDoubt, Finding } from './finding.ts';
import { VALUE_LENGTH_MAX } from './rule.ts';
import { decodeBytes } from './utf8.ts';
import { scanWindow } from './window.ts';

/** Starts that one window is asked about; windows begin at its multiples. */
export const WINDOW_LENGTH = 65_536;
/** Seen by a window before its first start: what gives a number its meaning, decoded or not. */
const BEHIND_LENGTH = 1_024;
/** Seen behind its last start: the longest value, and what has to follow it. */
const AHEAD_LENGTH = VALUE_LENGTH_MAX + 2_192;

export interface Scanner {
  /** Findings that no later chunk can change. Chunks of one scanner are all text, or all bytes. */
  push(chunk: string | Uint8Array): Finding[];
  /** The rest. The scanner can be used no more. */
  end(): Finding[];
  /** What was not looked at to its end, so far. */
  readonly doubts: readonly DetectorDoubt[];
}

export interface ScannerOptions {
  /** Kinds only: of each kind the first finding, which is added here. */
  readonly known?: Set<DetectedKind>;
}

/** Offsets of findings are those of the whole stream: UTF-16 code units of text, or bytes. */
export function openScanner({ known }: ScannerOptions = {}): Scanner {
  return new WindowScanner(known);
}

class WindowScanner implements Scanner {
  readonly #known: Set<DetectedKind> | undefined;
  /** Chunks of what is kept; joined when a window is full, so that small chunks cost no copies. */
  #parts: (string | Uint8Array)[] = [];
  #length = 0;
  /** Offset in the stream of the first unit that is kept. */
  #base = 0;
  /** Where the next window begins. */
  #next = 0;
  #doubt = false;

  constructor(known: Set<DetectedKind> | undefined) {
    this.#known = known;
  }

  get doubts(): readonly DetectorDoubt[] {
    return this.#doubt ? ['detector-failed'] : [];
  }

  push(chunk: string | Uint8Array): Finding[] {
    const [first] = this.#parts;
    if (first !== undefined && typeof first !== typeof chunk) {
      throw new TypeError('chunks of one scanner are all text, or all bytes');
    }
    // Bytes are copied where they are kept: the caller may use its buffer again.
    const kept =
      this.#length + chunk.length < this.#needed && typeof chunk !== 'string'
        ? chunk.slice()
        : chunk;
    this.#parts.push(kept);
    this.#length += chunk.length;
    return this.#length < this.#needed ? [] : this.#scan(false);
  }

  end(): Finding[] {
    return this.#scan(true);
  }

  /** Units that have to be there before a window in the middle of the stream is scanned. */
  get #needed(): number {
    return this.#next - this.#base + WINDOW_LENGTH + AHEAD_LENGTH;
  }

  #scan(ended: boolean): Finding[] {
    const findings: Finding[] = [];
    let kept = join(this.#parts);
    while (this.#length >= this.#needed || (ended && this.#base + this.#length > this.#next)) {
      const start = this.#next - this.#base;
      const from = Math.max(0, start - BEHIND_LENGTH);
      const piece = kept.slice(from, start + WINDOW_LENGTH + AHEAD_LENGTH);
      this.#scanPiece(piece, start - from, this.#base + from, findings);
      this.#next += WINDOW_LENGTH;
      const drop = Math.min(this.#length, Math.max(0, this.#next - BEHIND_LENGTH - this.#base));
      kept = kept.slice(drop);
      this.#base += drop;
      this.#length -= drop;
    }
    this.#parts = [kept];
    return findings;
  }

  #scanPiece(piece: string | Uint8Array, from: number, base: number, findings: Finding[]): void {
    const to = from + WINDOW_LENGTH;
    if (typeof piece === 'string') {
      const { findings: found, doubt } = scanWindow({ text: piece, from, to }, this.#known);
      this.#doubt ||= doubt;
      for (const one of found)
        findings.push({ ...one, start: base + one.start, end: base + one.end });
      return;
    }
    const { text, byteAt, unitAt } = decodeBytes(piece);
    const window = {
      text,
      from: unitAt(from),
      to: to >= piece.length ? text.length + 1 : unitAt(to),
    };
    const { findings: found, doubt } = scanWindow(window, this.#known);
    this.#doubt ||= doubt;
    for (const one of found) {
      findings.push({ ...one, start: base + byteAt(one.start), end: base + byteAt(one.end) });
    }
  }
}

function join(parts: readonly (string | Uint8Array)[]): string | Uint8Array {
  const [first = ''] = parts;
  if (parts.length === 1) return first;
  if (typeof first === 'string') return parts.join('');
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    if (typeof part !== 'string') whole.set(part, at);
    at += part.length;
  }
  return whole;
}

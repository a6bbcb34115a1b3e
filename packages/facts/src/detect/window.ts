/** One bounded piece of text through all the rules, and through what its encodings hold. */

import { decodedView } from './decoded.ts';
import type { DetectedKind, Finding } from './finding.ts';
import { type CompiledRule, passGates } from './gate.ts';
import { type Candidate, type PatternRule, type Rule, VALUE_LENGTH_MAX } from './rule.ts';
import { identity, plainView, type View } from './view.ts';

/** Encodings inside of encodings that are looked through; one that is deeper is a doubt. */
export const ENCODINGS_DEPTH_MAX = 3;
/** Units that the views of one window may have together, in lengths of the window. */
export const VIEWS_LENGTH_FACTOR = 6;
/** Of a small window at least so many. */
const VIEWS_LENGTH_MIN = 4_096;

export interface Window {
  readonly text: string;
  /** Findings that start outside of this range belong to the windows before and behind. */
  readonly from: number;
  readonly to: number;
}

export interface WindowFindings {
  readonly findings: Finding[];
  readonly doubt: boolean;
}

/** With `known`, kinds only: of each kind one finding is enough, and the kinds found are added to it. */
export function scanWindow(window: Window, known?: Set<DetectedKind>): WindowFindings {
  const scan = new Scan(window, known);
  const bytes = encoder.encode(window.text);
  scan.look(identity(flat(window.text, bytes)), 0, bytes);
  return { findings: scan.ordered(), doubt: scan.doubt };
}

/** A piece of a longer string is read through the whole by every access: slower than a string of its own. */
const flat = (text: string, bytes: Uint8Array): string =>
  bytes.length === text.length ? decoder.decode(bytes) : text;

class Scan {
  doubt = false;
  readonly #window: Window;
  readonly #known: Set<DetectedKind> | undefined;
  readonly #findings: Finding[] = [];
  #viewsLeft: number;
  #viewed = false;

  constructor(window: Window, known: Set<DetectedKind> | undefined) {
    this.#window = window;
    this.#known = known;
    this.#viewsLeft = Math.max(VIEWS_LENGTH_MIN, VIEWS_LENGTH_FACTOR * window.text.length);
  }

  /** `bytes` is the view's text in UTF-8. */
  look(view: View, depth: number, bytes: Uint8Array): void {
    const { rules, escapes } = passGates(view.text, bytes);
    for (const rule of rules) if (!this.#known?.has(rule.kind)) this.#locate(rule, view);
    const isAscii = bytes.length === view.text.length;
    const plain = escapes || !isAscii ? plainView(view) : undefined;
    if (plain) this.#enter(plain, depth);
    const decoded = decodedView(view);
    if (decoded) this.#enter(decoded, depth);
  }

  #enter(view: View, depth: number): void {
    this.#viewsLeft -= view.text.length;
    if (depth === ENCODINGS_DEPTH_MAX || this.#viewsLeft < 0) {
      this.doubt = true;
      return;
    }
    this.#viewed = true;
    this.look(view, depth + 1, encoder.encode(view.text));
  }

  #locate(rule: CompiledRule, view: View): void {
    if ('find' in rule) {
      for (const { start, end } of rule.find(view.text)) {
        if (this.#owns(view.start(start))) this.#report(rule, view, start, end);
      }
      return;
    }
    const { regexp } = rule;
    const { text } = view;
    regexp.lastIndex = 0;
    for (let match = regexp.exec(text); match !== null; match = regexp.exec(text)) {
      const [, lead = '', value = ''] = match;
      const start = match.index + lead.length;
      const from = view.start(start);
      if (from >= this.#window.to) return;
      const candidate = { text, start, end: start + value.length, value, lead };
      const found = this.#owns(from) ? this.#consider(rule, view, candidate) : candidate.end;
      if (found !== undefined && this.#known?.has(rule.kind)) return;
      // What is found may end with the character that has to stand before the next; what is not, may hold it.
      regexp.lastIndex = Math.max(found ?? start + 1, match.index + 1);
    }
  }

  #owns(start: number): boolean {
    return start >= this.#window.from && start < this.#window.to;
  }

  /** Where it ends, if it is what it looks like. */
  #consider(rule: PatternRule, view: View, candidate: Candidate): number | undefined {
    const { text, start } = candidate;
    const limit = Math.min(text.length, start + VALUE_LENGTH_MAX);
    const end = rule.extend?.(text, start, candidate.end, limit) ?? candidate.end;
    const whole =
      end === candidate.end ? candidate : { ...candidate, end, value: text.slice(start, end) };
    if (rule.valid && !rule.valid(whole)) return undefined;
    // Its kind is known; where it ends is not.
    if (end === limit && limit < text.length && !this.#known) this.doubt = true;
    this.#report(rule, view, start, end);
    return end;
  }

  #report({ id, kind }: Rule, view: View, start: number, end: number): void {
    this.#known?.add(kind);
    this.#findings.push({ rule: id, kind, start: view.start(start), end: view.end(end) });
  }

  /** Views show the same thing twice. */
  ordered(): Finding[] {
    const findings = this.#findings.sort(
      (a, b) => a.start - b.start || a.end - b.end || (a.rule < b.rule ? -1 : 1),
    );
    if (!this.#viewed) return findings;
    return findings.filter((one, at) => {
      const last = findings[at - 1];
      return last?.start !== one.start || last.end !== one.end || last.rule !== one.rule;
    });
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

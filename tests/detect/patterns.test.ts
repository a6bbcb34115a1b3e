/**
 * What keeps the detectors linear: every pattern is in a subset that cannot backtrack without a bound, RE2
 * and V8 read it alike, no gate hides what its rule would find, and the automaton of the gates stays small.
 */
import fc from 'fast-check';
import { RE2JS, RE2Set } from 're2js';
import { describe, expect, test } from 'vitest';
import { detect } from '../../packages/facts/src/detect/detect.ts';
import { PERSONAL_KINDS, SECRET_KINDS } from '../../packages/facts/src/detect/finding.ts';
import { passGates } from '../../packages/facts/src/detect/gate.ts';
import type { PatternRule } from '../../packages/facts/src/detect/rule.ts';
import { RULES } from '../../packages/facts/src/detect/rules/rules.ts';
import { checkPattern } from './pattern.ts';
import { halves } from './quality.ts';
import * as v from './values.ts';

const patternRules = RULES.filter((rule): rule is PatternRule => 'pattern' in rule);
const texts = Object.values(halves()).flatMap((cases) => cases.map(({ text }) => text));
/** Longest match of a pattern before it is extended; the window shows more than that behind every start. */
const MATCH_LENGTH_MAX = 2_000;
/** Of the automaton of all gates; far below what would make it forget states and build them anew. */
const GATE_STATES_MAX = 3_000;

describe('the table of rules', () => {
  test('has at least forty rules, each with a name of its own, for every kind that policies know', () => {
    expect(RULES.length).toBeGreaterThanOrEqual(40);
    expect(new Set(RULES.map(({ id }) => id)).size).toBe(RULES.length);
    const kinds = new Set<string>(RULES.map(({ kind }) => kind));
    for (const kind of [...SECRET_KINDS, ...PERSONAL_KINDS]) expect(kinds).toContain(kind);
  });

  test.each(patternRules)('$id is written in the linear subset', ({ pattern }) => {
    expect(checkPattern(pattern)).toMatchObject({ kind: 'fits', groups: 2 });
    const checked = checkPattern(pattern);
    if (checked.kind === 'fits') expect(checked.lengthMax).toBeLessThanOrEqual(MATCH_LENGTH_MAX);
  });

  test.each(patternRules)('RE2 and V8 find the same with $id', ({ pattern, ignoreCase }) => {
    const re2 = RE2JS.compile(pattern, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
    const v8 = new RegExp(pattern, ignoreCase ? 'i' : '');
    for (const text of texts) {
      const ours = v8.exec(text);
      const matcher = re2.matcher(text);
      const theirs = matcher.find()
        ? [matcher.start(), matcher.group(1), matcher.group(2)]
        : undefined;
      expect(theirs).toEqual(ours ? [ours.index, ours[1], ours[2]] : undefined);
    }
  });

  test('no gate hides what its rule would find', () => {
    for (const text of texts) {
      const told = new Set(detect(text).findings.map(({ rule }) => rule));
      for (const rule of patternRules) {
        if (!told.has(rule.id)) expect(findsUngated(rule, text), `${rule.id}: ${text}`).toBe(false);
      }
    }
  });

  test('no gate hides what stands among other numbers and letters', () => {
    const random = v.seeded(99);
    const junk = (): string => random.chars('0123456789 .-_,:+/()abXYZ', random.below(8));
    const edge = (): string => random.pick(['', ' ', ',', '"']);
    for (let run = 0; run < 4_000; run++) {
      const value = random.pick([v.nationalId, v.pan, v.iban, v.publicIp, v.internationalPhone])(
        random,
      );
      const text =
        junk() + edge() + (typeof value === 'string' ? value : value.value) + edge() + junk();
      const passed = new Set<string>(
        [...passGates(text, new TextEncoder().encode(text)).rules].map(({ id }) => id),
      );
      for (const rule of RULES) {
        if (passed.has(rule.id)) continue;
        const found = 'find' in rule ? rule.find(text).length > 0 : findsUngated(rule, text);
        expect(found, `${rule.id}: ${text}`).toBe(false);
      }
    }
  });

  test('the automaton of the gates has few states, whatever it reads', () => {
    const gates = [...new Set(RULES.flatMap(({ gate }) => (gate === undefined ? [] : [gate])))];
    const set = new RE2Set();
    for (const gate of gates) set.add(gate);
    set.compile();
    const pieces = gates.flatMap((gate) => gate.match(/[A-Za-z0-9_:/.-]{2,}/g) ?? []);
    const piece = fc.oneof(
      fc
        .constantFrom(...pieces)
        .chain((word) => fc.nat(word.length - 1).map((at) => word.slice(at))),
      fc.constantFrom(...pieces).map((word) => word.toUpperCase()),
      fc.string({ maxLength: 3 }),
      fc.stringMatching(/^[0-9 .:%\\-]{1,4}$/),
    );
    for (const sample of fc.sample(fc.array(piece, { minLength: 200, maxLength: 400 }), {
      numRuns: 300,
      seed: 7,
    })) {
      set.match(sample.join(''));
    }
    expect(set.dfa.stateCount).toBeGreaterThan(300);
    expect(set.dfa.stateCount).toBeLessThan(GATE_STATES_MAX);
  });
});

function findsUngated({ pattern, ignoreCase, extend, valid }: PatternRule, text: string): boolean {
  const regexp = new RegExp(pattern, ignoreCase ? 'gi' : 'g');
  for (let match = regexp.exec(text); match !== null; match = regexp.exec(text)) {
    const [, lead = '', value = ''] = match;
    const start = match.index + lead.length;
    const end = extend?.(text, start, start + value.length, text.length) ?? start + value.length;
    if (!valid || valid({ text, start, end, value: text.slice(start, end), lead })) return true;
    regexp.lastIndex = Math.max(start + 1, match.index + 1);
  }
  return false;
}

describe('the linter of patterns', () => {
  const misfits: readonly [string, string][] = [
    ['(a)(?=b)', 'look-ahead'],
    ['(a)(?<!b)', 'look-behind'],
    ['(a)\\1', 'a back-reference'],
    ['(a)(b+)', 'a repeat without a bound'],
    ['(a)(b*)', 'a repeat without a bound'],
    ['(a)(b{2,})', 'a repeat without an upper bound'],
    ['(a)(.{3})', 'any character'],
    ['(a)(b{1,2}{3})', 'a repeat of a repeat'],
    ['(a)(\\p{L})', 'a class of Unicode'],
    ['(a)([a[b])', 'a class in a class'],
  ];
  test.each(misfits)('refuses %s: %s', (pattern) => {
    expect(checkPattern(pattern).kind).toBe('misfit');
  });

  test('tells how long a match may be', () => {
    expect(checkPattern('(^|x)(ab?[c-e]{2,5}(?:fg|h){3})')).toEqual({
      kind: 'fits',
      lengthMax: 14,
      groups: 2,
    });
  });
});

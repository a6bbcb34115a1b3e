/**
 * Which rules are worth a look: one pass of a linear automaton over everything that a rule cannot match
 * without. The gates are short on purpose: an automaton of whole patterns would have more states than it
 * may keep, and hostile text would make it build them anew for every character.
 */
import { RE2Set } from 're2js';
import { numberShapes, SHAPES } from './numbers.ts';
import type { FindRule, PatternRule, Rule } from './rule.ts';
import { RULES } from './rules/rules.ts';

export type CompiledRule = FindRule | (PatternRule & { readonly regexp: RegExp });

/** What an escape of URLs, JSON, strings of languages or HTML looks like. */
const ESCAPE = '%[0-9A-Fa-f]{2}|\\\\[xuU][0-9A-Fa-f]|\\\\[0-3][0-7]{2}|&#[0-9xX]';

const compile = (rule: Rule): CompiledRule =>
  'find' in rule
    ? rule
    : { ...rule, regexp: new RegExp(rule.pattern, rule.ignoreCase ? 'gi' : 'g') };

/** Numbers that are worth a look at how they are written. */
const NUMBERS = '[0-9]{2}|[0-9][ ._-][0-9]';

const set = new RE2Set();
const behind: CompiledRule[][] = [];
const shaped: CompiledRule[] = [];
const gates = new Map<string, CompiledRule[]>();
for (const rule of RULES) {
  const compiled = compile(rule);
  if (rule.shape !== undefined) shaped.push(compiled);
  if (rule.gate === undefined) continue;
  const same = gates.get(rule.gate);
  if (same) {
    same.push(compiled);
  } else {
    const rules = [compiled];
    gates.set(rule.gate, rules);
    behind[set.add(rule.gate)] = rules;
  }
}
const ESCAPE_ID = set.add(ESCAPE);
const NUMBERS_ID = set.add(NUMBERS);
set.compile();

export interface Passed {
  readonly rules: ReadonlySet<CompiledRule>;
  /** Something in the text is written as an escape. */
  readonly escapes: boolean;
}

const NOTHING: Passed = { rules: new Set(), escapes: false };

/** `bytes` is the text's UTF-8. */
export function passGates(text: string, bytes: Uint8Array): Passed {
  const ids = set.match(text);
  if (ids.length === 0) return NOTHING;
  const rules = new Set<CompiledRule>();
  let escapes = false;
  for (const id of ids) {
    if (id === ESCAPE_ID) escapes = true;
    else if (id === NUMBERS_ID) addShaped(rules, bytes);
    else for (const rule of behind[id] ?? []) rules.add(rule);
  }
  return { rules, escapes };
}

function addShaped(rules: Set<CompiledRule>, bytes: Uint8Array): void {
  const shapes = numberShapes(bytes);
  if (shapes === 0) return;
  for (const rule of shaped) {
    if (rule.shape !== undefined && (shapes & SHAPES[rule.shape]) !== 0) rules.add(rule);
  }
}

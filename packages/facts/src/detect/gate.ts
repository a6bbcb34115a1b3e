/**
 * Which rules are worth a look: one pass of a linear automaton over everything that a rule cannot match
 * without. The gates are short on purpose: an automaton of whole patterns would have more states than it
 * may keep, and hostile text would make it build them anew for every character.
 */
import { RE2Set } from 're2js';
import type { Rule } from './rule.ts';
import { RULES } from './rules/rules.ts';

export interface CompiledRule extends Rule {
  readonly regexp: RegExp;
}

/** What an escape of URLs, JSON, strings of languages or HTML looks like. */
const ESCAPE = '%[0-9A-Fa-f]{2}|\\\\[xuU][0-9A-Fa-f]|\\\\[0-3][0-7]{2}|&#[0-9xX]';

const compile = (rule: Rule): CompiledRule => ({
  ...rule,
  regexp: new RegExp(rule.pattern, rule.ignoreCase ? 'gi' : 'g'),
});

const gates = new Map<string, CompiledRule[]>();
for (const rule of RULES) {
  const compiled = compile(rule);
  const same = gates.get(rule.gate);
  if (same) same.push(compiled);
  else gates.set(rule.gate, [compiled]);
}

const set = new RE2Set();
const behind: (readonly CompiledRule[])[] = [];
for (const [gate, rules] of gates) behind[set.add(gate)] = rules;
const ESCAPE_ID = set.add(ESCAPE);
set.compile();

export interface Passed {
  readonly rules: readonly CompiledRule[];
  /** Something in the text is written as an escape. */
  readonly escapes: boolean;
}

const NOTHING: Passed = { rules: [], escapes: false };

export function passGates(text: string): Passed {
  const ids = set.match(text);
  if (ids.length === 0) return NOTHING;
  const rules: CompiledRule[] = [];
  let escapes = false;
  for (const id of ids) {
    if (id === ESCAPE_ID) escapes = true;
    else for (const rule of behind[id] ?? []) rules.push(rule);
  }
  return { rules, escapes };
}

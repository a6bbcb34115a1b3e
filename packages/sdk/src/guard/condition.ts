/** What a forbid's `@unless` asks for, read from its annotations once, at load. Pure. */
import type { Condition, ConditionKind } from './decision.ts';

/** Each condition with the annotations that only it may have (decision.md, ANNOTATIONS). */
export const PARAMETERS: Readonly<Record<ConditionKind, Readonly<Record<string, RegExp>>>> = {
  approved: { approvers: /^.+$/, quorum: /^[1-9]$/, ttl: /^[1-9]\d{0,5}[smhd]$/ },
  'within-rate': {
    rate: /^[1-9]\d{0,8}\/[1-9]\d{0,5}[smhd]$/,
    key: /^principal$/,
    cost: /^[\s\S]+$/,
  },
  masked: { classes: /^.+$/, detect: /^.+$/, with: /^(null|constant|hash|partial)$/ },
  limited: { rows: /^[1-9]\d{0,14}$/, bytes: /^[1-9]\d{0,14}$/ },
  tainted: { labels: /^.+$/, ttl: /^[1-9]\d{0,5}[smhd]$/ },
};
const REQUIRED: Readonly<Record<ConditionKind, readonly string[]>> = {
  approved: ['approvers', 'quorum', 'ttl'],
  'within-rate': ['rate', 'key'],
  masked: [],
  limited: [],
  tainted: ['labels', 'ttl'],
};
/** Of these at least one: a condition that asks for nothing would be a forbid that never forbids. */
const ONE_OF: Partial<Record<ConditionKind, readonly string[]>> = {
  masked: ['classes', 'detect'],
  limited: ['rows', 'bytes'],
};
/** A longer memory could not be read back from the log at a start. */
export const MEMORY_MS_MAX = 31 * 86_400_000;

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

export const isConditionKind = (text: string): text is ConditionKind =>
  Object.hasOwn(PARAMETERS, text);

/** The condition of this kind, or as text what its annotations lack. */
export function readCondition(
  kind: ConditionKind,
  annotations: Readonly<Record<string, string>>,
): Condition | string {
  const missing = REQUIRED[kind].find((name) => annotations[name] === undefined);
  if (missing !== undefined) return `@unless("${kind}") needs @${missing}`;
  const oneOf = ONE_OF[kind];
  if (oneOf && !oneOf.some((name) => annotations[name] !== undefined)) {
    return `@unless("${kind}") needs ${oneOf.map((name) => `@${name}`).join(' or ')}`;
  }
  const condition = conditionOf(kind, annotations);
  const memoryMs = memoryOf(condition);
  if (memoryMs <= MEMORY_MS_MAX) return condition;
  return `@unless("${kind}") cannot remember for more than ${MEMORY_MS_MAX / 86_400_000} days`;
}

/** For how long a condition needs to know what was done; 0 where it does not. */
export function memoryOf(condition: Condition): number {
  if (condition.kind === 'within-rate') return condition.windowMs;
  // For as long as a grant is good, it must be known whether it was used.
  return condition.kind === 'tainted' || condition.kind === 'approved' ? condition.ttlMs : 0;
}

function conditionOf(
  kind: ConditionKind,
  annotations: Readonly<Record<string, string>>,
): Condition {
  const text = (name: string): string => annotations[name] ?? '';
  switch (kind) {
    case 'approved': {
      const quorum = Number(text('quorum'));
      return { kind, approvers: text('approvers'), quorum, ttlMs: durationOf(text('ttl')) };
    }
    case 'within-rate': {
      const [limit = '', window = ''] = text('rate').split('/');
      const { cost } = annotations;
      const rate = { kind, limit: Number(limit), windowMs: durationOf(window) };
      return cost === undefined ? rate : { ...rate, cost };
    }
    case 'masked': {
      const method = (annotations.with ?? 'null') as 'null' | 'constant' | 'hash' | 'partial';
      return { kind, classes: listOf(text('classes')), detect: listOf(text('detect')), method };
    }
    case 'limited': {
      const { rows, bytes } = annotations;
      return {
        kind,
        ...(rows === undefined ? {} : { rows: Number(rows) }),
        ...(bytes === undefined ? {} : { bytes: Number(bytes) }),
      };
    }
    case 'tainted':
      return { kind, labels: listOf(text('labels')), ttlMs: durationOf(text('ttl')) };
  }
}

/** `15m` in milliseconds. */
function durationOf(text: string): number {
  return Number(text.slice(0, -1)) * (UNIT_MS[text.slice(-1)] ?? Number.NaN);
}

/** `secret,pan` */
function listOf(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  return [...new Set(names.filter((name) => name !== ''))].sort();
}

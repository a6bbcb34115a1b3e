/** What stands before a policy: its name, what it says to whoever is stopped, and its condition. Pure. */
import type { PolicyInfo } from './decision.ts';

type Unless = NonNullable<PolicyInfo['unless']>;
type Severity = PolicyInfo['severity'];

export const SEVERITIES: readonly Severity[] = ['info', 'low', 'medium', 'high', 'critical'];

/** Each condition with the annotations that only it may have (decision.md, ANNOTATIONS). */
const PARAMETERS: Readonly<Record<Unless, Readonly<Record<string, RegExp>>>> = {
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
const REQUIRED: Readonly<Record<Unless, readonly string[]>> = {
  approved: ['approvers', 'quorum', 'ttl'],
  'within-rate': ['rate', 'key'],
  masked: [],
  limited: [],
  tainted: ['labels', 'ttl'],
};
const PLAIN: readonly string[] = ['id', 'severity', 'message', 'hint', 'unless'];
/** A name that can stand in a file name, a URL and an error message. */
const POLICY_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
/** Of one annotation: `message` and `hint` go to clients, in protocols with small error fields. */
export const ANNOTATION_CHARACTERS_MAX = 1_000;

/** Conditions that are law already and that no surface can carry out yet. */
const NOT_FULFILLED: Partial<Record<Unless, string>> = {
  'within-rate': 'this version cannot count actions yet',
  masked: 'this version cannot mask results yet',
  limited: 'this version cannot cut results yet',
  tainted: 'this version cannot mark principals yet',
};

export interface Annotated {
  readonly id: string;
  readonly severity: Severity;
  readonly message: string;
  readonly hint: string;
  readonly unless?: Unless;
}

/** A problem as text, where the annotations do not say what a policy needs. */
export function readAnnotations(
  effect: PolicyInfo['effect'],
  annotations: Readonly<Record<string, string>>,
): Annotated | string {
  const { id, severity = 'medium', message, hint, unless } = annotations;
  if (id === undefined) return 'a policy without @id: give it a name, as in @id("sql-no-drop")';
  if (!POLICY_ID.test(id)) {
    return `@id ${quote(id)} may have up to 128 letters, digits, ".", "_" and "-"`;
  }
  if (!message) return `policy ${id} has no @message: whoever is stopped has to be told why`;
  if (!hint) return `policy ${id} has no @hint: whoever is stopped has to know what to do instead`;
  for (const [name, value] of Object.entries(annotations)) {
    if (value.length > ANNOTATION_CHARACTERS_MAX) {
      return `@${name} is longer than ${ANNOTATION_CHARACTERS_MAX} characters`;
    }
  }
  if (!isSeverity(severity)) return `@severity ${quote(severity)} is none of ${list(SEVERITIES)}`;
  const condition = readCondition(effect, annotations);
  if (condition !== undefined) return condition;
  return {
    id,
    severity,
    message,
    hint,
    ...(unless !== undefined && isUnless(unless) ? { unless } : {}),
  };
}

function readCondition(
  effect: PolicyInfo['effect'],
  annotations: Readonly<Record<string, string>>,
): string | undefined {
  const { unless } = annotations;
  // Measured: with a condition on a permit, the permit granted access by itself.
  if (unless !== undefined && effect === 'permit') {
    return '@unless stands on a permit: a permit only grants';
  }
  if (unless !== undefined && !isUnless(unless)) {
    return `@unless ${quote(unless)} is none of ${list(Object.keys(PARAMETERS))}`;
  }
  const own: Readonly<Record<string, RegExp>> = unless === undefined ? {} : PARAMETERS[unless];
  for (const [name, value] of Object.entries(annotations)) {
    if (PLAIN.includes(name)) continue;
    const pattern = Object.hasOwn(own, name) ? own[name] : undefined;
    if (pattern === undefined) return unknownAnnotation(name);
    if (!pattern.test(value)) {
      return `@${name} ${quote(value)} is not what @unless(${quote(unless ?? '')}) takes`;
    }
  }
  if (unless === undefined) return undefined;
  const missing = REQUIRED[unless].find((name) => annotations[name] === undefined);
  if (missing !== undefined) return `@unless(${quote(unless)}) needs @${missing}`;
  const reason = NOT_FULFILLED[unless];
  if (reason === undefined) return undefined;
  return `@unless(${quote(unless)}) cannot be carried out: ${reason}; a forbid without it is the safe choice`;
}

/** A misspelt annotation would be a condition that nobody keeps: it never passes in silence. */
function unknownAnnotation(name: string): string {
  const owner = Object.entries(PARAMETERS).find(([, names]) => Object.hasOwn(names, name))?.[0];
  return owner === undefined
    ? `unknown annotation @${name}; known are ${list(PLAIN)} and the parameters of @unless`
    : `@${name} belongs to @unless(${quote(owner)}), which this policy does not have`;
}

const isSeverity = (text: string): text is Severity => SEVERITIES.some((known) => known === text);
const isUnless = (text: string): text is Unless => Object.hasOwn(PARAMETERS, text);
const quote = (text: string): string => JSON.stringify(text);
const list = (names: readonly string[]): string => names.join(', ');

/** What stands before a policy: its name, what it says to whoever is stopped, and its condition. Pure. */
import { isConditionKind, PARAMETERS, readCondition } from './condition.ts';
import type { Condition, PolicyInfo } from './decision.ts';

type Severity = PolicyInfo['severity'];

export const SEVERITIES: readonly Severity[] = ['info', 'low', 'medium', 'high', 'critical'];

const PLAIN: readonly string[] = ['id', 'severity', 'message', 'hint', 'unless'];
/** A name that can stand in a file name, a URL and an error message. */
const POLICY_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
/** Of one annotation: `message` and `hint` go to clients, in protocols with small error fields. */
export const ANNOTATION_CHARACTERS_MAX = 1_000;

export interface Annotated {
  readonly id: string;
  readonly severity: Severity;
  readonly message: string;
  readonly hint: string;
  readonly condition?: Condition;
}

/** A problem as text, where the annotations do not say what a policy needs. */
export function readAnnotations(
  effect: PolicyInfo['effect'],
  annotations: Readonly<Record<string, string>>,
): Annotated | string {
  const { id, severity = 'medium', message, hint } = annotations;
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
  const condition = readUnless(effect, annotations);
  if (typeof condition === 'string') return condition;
  return { id, severity, message, hint, ...(condition ? { condition } : {}) };
}

function readUnless(
  effect: PolicyInfo['effect'],
  annotations: Readonly<Record<string, string>>,
): Condition | string | undefined {
  const { unless } = annotations;
  // Measured: with a condition on a permit, the permit granted access by itself.
  if (unless !== undefined && effect === 'permit') {
    return '@unless stands on a permit: a permit only grants';
  }
  if (unless !== undefined && !isConditionKind(unless)) {
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
  return unless === undefined ? undefined : readCondition(unless, annotations);
}

/** A misspelt annotation would be a condition that nobody keeps: it never passes in silence. */
function unknownAnnotation(name: string): string {
  const owner = Object.entries(PARAMETERS).find(([, names]) => Object.hasOwn(names, name))?.[0];
  return owner === undefined
    ? `unknown annotation @${name}; known are ${list(PLAIN)} and the parameters of @unless`
    : `@${name} belongs to @unless(${quote(owner)}), which this policy does not have`;
}

const isSeverity = (text: string): text is Severity => SEVERITIES.some((known) => known === text);
const quote = (text: string): string => JSON.stringify(text);
const list = (names: readonly string[]): string => names.join(', ');

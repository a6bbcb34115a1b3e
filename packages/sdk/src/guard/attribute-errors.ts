/**
 * Cedar's validator looks at a policy once for each action, type of principal and type of resource, and
 * says of each of them that an attribute is not there. Whoever wrote the policy made one mistake: here it
 * becomes one sentence, in an order that is the same the next time. Pure.
 */
import type { ValidationError } from '@cedar-policy/cedar-wasm/nodejs';

/** By policy and place; Cedar's own order differs from time to time. What is said twice is said once. */
export function joinAttributeErrors(
  errors: readonly ValidationError[],
): readonly ValidationError[] {
  const joined = new Map<string, Joined>();
  for (const error of errors) {
    const found = readError(error);
    const [place] = error.error.sourceLocations ?? [];
    const what = found ? [found.kind, found.subject, found.name] : [error.error.message];
    const key = [error.policyId, place?.start, place?.end, ...what].join('\n');
    const group = joined.get(key) ?? { error, found, where: new Set<string>() };
    if (found !== undefined) group.where.add(found.where);
    joined.set(key, group);
  }
  return [...joined.values()].map(writeError).sort(byPlace);
}

function byPlace(a: ValidationError, b: ValidationError): number {
  if (a.policyId !== b.policyId) return a.policyId < b.policyId ? -1 : 1;
  const startOf = ({ error }: ValidationError) => error.sourceLocations?.[0]?.start ?? 0;
  return startOf(a) - startOf(b) || (a.error.message < b.error.message ? -1 : 1);
}

/** Whether all that Cedar misses is a question for the presence of an attribute or a tag that may be there. */
export const isAboutPresence = ({ error: { message } }: ValidationError): boolean =>
  /unable to guarantee safety of access to (optional attribute|tag)/.test(message);

interface Joined {
  readonly error: ValidationError;
  readonly found: AttributeError | undefined;
  readonly where: Set<string>;
}

interface AttributeError {
  readonly kind: 'absent' | 'optional';
  readonly subject: 'context' | 'entity';
  /** With the names before it: `sql.limit`, `["a b"]`. */
  readonly name: string;
  /** The action whose context it is, or the type of the entity. */
  readonly where: string;
}

const WORDS =
  /(unable to guarantee safety of access to optional )?attribute `(.+)` (?:in context for (.+?)|on entity type `(.+?)`)(?: not found)?$/s;

function readError({ error: { message } }: ValidationError): AttributeError | undefined {
  const [whole, optional, name, action, type] = WORDS.exec(message) ?? [];
  const where = action ?? type;
  if (whole === undefined || name === undefined || where === undefined) return undefined;
  if (optional === undefined && !whole.endsWith(' not found')) return undefined;
  return {
    kind: optional === undefined ? 'absent' : 'optional',
    subject: action === undefined ? 'entity' : 'context',
    name,
    where,
  };
}

function writeError({ error, found, where }: Joined): ValidationError {
  if (found === undefined) return error;
  const { kind, subject, name } = found;
  const dotted = name.startsWith('[') ? name : `.${name}`;
  const said = subject === 'context' ? `context${dotted}` : `the attribute ${name}`;
  const places = listed([...where].sort());
  const message =
    kind === 'absent'
      ? `${said} does not exist for ${places}`
      : `${said} may be missing for ${places}`;
  const help =
    kind === 'optional'
      ? 'ask with `has` whether it is there first'
      : subject === 'context'
        ? 'ask with `has` whether it is there first, or name the actions that have it'
        : 'ask with `has` or `is` first, or name the types that have it';
  return { ...error, error: { ...error.error, message, help } };
}

/** How many are named before the rest is only counted. */
const NAMED_MAX = 3;

function listed(names: readonly string[]): string {
  if (names.length <= NAMED_MAX + 1) return names.join(', ');
  return `${names.slice(0, NAMED_MAX).join(', ')} and ${names.length - NAMED_MAX} others`;
}

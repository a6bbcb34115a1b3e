/**
 * Which members of `context` a policy reads, from the JSON form of its conditions. A fact that this
 * version does not establish has a harmless value in every request: a policy that trusted it would look
 * as if it guarded, and never would. So loading refuses what reads one. Pure.
 */

export interface UnreadableContext {
  /** Members of context, from the outside in. */
  readonly path: readonly string[];
  readonly why: string;
}

/** What gives the members their true values does not exist yet. */
export const NOT_ESTABLISHED: readonly UnreadableContext[] = [
  {
    path: ['meta', 'detected', 'injection'],
    why: 'injections are not detected by this version',
  },
  // An "approved" one could never read it: an approval that asked for itself could not be given.
  { path: ['meta', 'approval'], why: 'approvals are not kept by this version' },
  { path: ['meta', 'breakGlass'], why: 'breaking glass is not possible in this version' },
  { path: ['meta', 'ticket'], why: 'tickets are not passed on by this version' },
  { path: ['meta', 'purpose'], why: 'purposes are not passed on by this version' },
];

/** Why these conditions (`conditions` of policyToJson) may not stand, or undefined where they may. */
export function forbiddenRead(
  conditions: unknown,
  forbidden: readonly UnreadableContext[],
): string | undefined {
  for (const read of contextReads(conditions)) {
    const rule = forbidden.find((one) => touches(read, one));
    if (rule !== undefined) {
      return `it reads ${['context', ...read].join('.')}, and ${rule.why}`;
    }
  }
  return undefined;
}

/** A read of a whole record that holds the member reads it as well: `context.meta == …`. */
function touches(read: readonly string[], { path }: UnreadableContext): boolean {
  const common = Math.min(read.length, path.length);
  for (let at = 0; at < common; at++) if (read[at] !== path[at]) return false;
  return true;
}

/** The longest path of every use of `context`; a use in any other place than a path is a read of all of it. */
function* contextReads(node: unknown): Generator<readonly string[]> {
  const path = pathOf(node);
  if (path !== undefined) {
    yield path;
  } else if (Array.isArray(node)) {
    for (const item of node) yield* contextReads(item);
  } else if (isRecord(node)) {
    // No member is passed over by its name: a record's own keys stand here too, and can have any.
    for (const inner of Object.values(node)) yield* contextReads(inner);
  }
}

function pathOf(node: unknown): readonly string[] | undefined {
  if (!isRecord(node)) return undefined;
  if (node.Var === 'context') return [];
  for (const access of [node['.'], node.has]) {
    if (!isRecord(access)) continue;
    const outer = pathOf(access.left);
    // `has a.b` comes with a list, `.a` with a name.
    const names = Array.isArray(access.attr) ? access.attr : [access.attr];
    if (outer !== undefined) return [...outer, ...names.map(String)];
  }
  return undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** True where these conditions read this member, anything below it, or a record around it as a whole. */
export function readsContext(conditions: unknown, path: readonly string[]): boolean {
  for (const read of contextReads(conditions)) if (touches(read, { path, why: '' })) return true;
  return false;
}

/** Members of context.meta.history that look back for less than an hour. */
const LOOK_BACK_MS: Readonly<Record<string, number>> = {
  denied1m: 60_000,
  calls1m: 60_000,
  failed5m: 300_000,
};
const HOUR_MS = 3_600_000;

/** How far back these conditions read a history; 0 where they read none. Taints have times of their own. */
export function historyReadMs(conditions: unknown): number {
  let longest = 0;
  for (const read of contextReads(conditions)) {
    if (!touches(read, { path: ['meta', 'history'], why: '' })) continue;
    const ms = Object.hasOwn(LOOK_BACK_MS, read[2] ?? '') ? LOOK_BACK_MS[read[2] ?? ''] : HOUR_MS;
    longest = Math.max(longest, ms ?? HOUR_MS);
  }
  return longest;
}

/** The parser's JSON tree, read without trusting its shape. */

export type Body = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Body =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isCapital = (code: number): boolean => code >= 0x41 && code <= 0x5a;

/** A node is an object with one key, its kind, which begins with a capital. */
export function nodeOf(value: unknown): { kind: string; body: Body } | undefined {
  if (!isObject(value)) return undefined;
  let kind: string | undefined;
  for (const key in value) {
    if (kind !== undefined || !isCapital(key.charCodeAt(0))) return undefined;
    kind = key;
  }
  if (kind === undefined) return undefined;
  const body = value[kind];
  return { kind, body: isObject(body) ? body : {} };
}

export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const text = (value: unknown): string => (typeof value === 'string' ? value : '');
export const object = (value: unknown): Body | undefined => (isObject(value) ? value : undefined);

/** Body of a node of that kind; undefined for anything else. */
export function bodyOf(value: unknown, kind: string): Body | undefined {
  if (!isObject(value) || !(kind in value)) return undefined;
  const node = nodeOf(value);
  return node?.kind === kind ? node.body : undefined;
}

/** `String` nodes of a list, such as a qualified name; undefined where one is something else (`*`). */
export function strings(value: unknown): string[] | undefined {
  const found: string[] = [];
  for (const item of list(value)) {
    const one = bodyOf(item, 'String')?.sval;
    if (typeof one !== 'string') return undefined;
    found.push(one);
  }
  return found;
}

/** The last part of a qualified name. */
export const lastName = (value: unknown): string => strings(value)?.at(-1) ?? '';

/** Where a node stands says nothing about what it is. */
const POSITIONS = new Set([
  'location',
  'rexpr_list_start',
  'rexpr_list_end',
  'list_start',
  'list_end',
]);

/** Equal for two expressions that are spelled alike, wherever they stand. */
export function shapeOf(value: unknown): string {
  return (
    JSON.stringify(value, (key, item: unknown) => (POSITIONS.has(key) ? undefined : item)) ?? ''
  );
}

export const sameShape = (a: unknown, b: unknown): boolean => shapeOf(a) === shapeOf(b);

/** True where some node at or below fulfils the test. */
export function some(value: unknown, test: (kind: string, body: Body) => boolean): boolean {
  if (Array.isArray(value)) return value.some((item) => some(item, test));
  if (!isObject(value)) return false;
  const node = nodeOf(value);
  if (node && test(node.kind, node.body)) return true;
  return Object.values(value).some((item) => some(item, test));
}

/** Which names may be declared where, in both syntaxes of a schema. */
import { isAnnotationName, isReserved } from '../syntax/names.ts';

/** Names of the JSON syntax's types: a common type of such a name could not be told from them. */
const RESERVED_COMMON_TYPES: ReadonlySet<string> = new Set([
  'Bool',
  'Boolean',
  'Entity',
  'Extension',
  'Long',
  'Record',
  'Set',
  'String',
]);

export const EXTENSION_TYPES = ['datetime', 'decimal', 'duration', 'ipaddr'] as const;
export type ExtensionTypeName = (typeof EXTENSION_TYPES)[number];

/** Unlike a policy, a schema may use `__cedar`, which holds the built-in types. */
const isIdentifier = (text: string): boolean => isAnnotationName(text) && !isReserved(text);
export const isPath = (text: string): boolean => text.split('::').every(isIdentifier);

/** Nobody may declare anything in `__cedar` or under its name. */
export const isReservedPath = (path: string): boolean => path.split('::').includes('__cedar');

export const isReservedCommonType = (name: string): boolean => RESERVED_COMMON_TYPES.has(name);

export const qualify = (namespace: string, name: string): string =>
  namespace === '' ? name : `${namespace}::${name}`;

export const basename = (path: string): string => path.slice(path.lastIndexOf(':') + 1);
export const isQualified = (path: string): boolean => path.includes('::');

/** What a written name may mean, first choice first. */
export function candidates(name: string, namespace: string): readonly string[] {
  return namespace === '' || isQualified(name) ? [name] : [qualify(namespace, name), name];
}

/** Bounds on several numbers, gone through at every edge, with members missing and of other types. */
import { expect, test } from 'vitest';
import { prepareEntities } from '../../entities/entities.ts';
import { parsePolicies } from '../../syntax/policy.ts';
import { EntityUid, type Value } from '../../value.ts';
import { authorize, compilePolicies } from '../authorize.ts';

const user = new EntityUid('User', 'ann');
const VALUES: readonly (Value | undefined)[] = [undefined, 'x', 1, 2, 3, 4, 2n ** 63n - 1n];

function requireSameAnswers(texts: readonly string[]): void {
  const parsed = parsePolicies(texts.join('\n'));
  if (!parsed.ok) throw new Error(parsed.errors[0]?.message);
  const entries = parsed.policies.map((policy, at) => ({ id: `p${at}`, policy }));
  const indexed = compilePolicies(entries);
  const plain = compilePolicies(entries, { index: false });
  for (const n of VALUES) {
    for (const m of VALUES) {
      for (const level of VALUES) {
        for (const set of [undefined, 1, [1], [1, 2], [1, 2, 3]]) {
          const members = { n, m, set };
          const context = Object.fromEntries(
            Object.entries(members).filter(([, value]) => value !== undefined),
          ) as Record<string, Value>;
          const attrs: Record<string, Value> = level === undefined ? {} : { level };
          const request = { principal: user, action: user, resource: user, context };
          const entities = prepareEntities([{ uid: user, parents: [], attrs }]);
          expect({ n, m, level, set, answer: authorize(indexed, request, entities) }).toEqual({
            n,
            m,
            level,
            set,
            answer: authorize(plain, request, entities),
          });
        }
      }
    }
  }
}

const grid = (condition: (first: number, second: number) => string): string[] =>
  [1, 2, 3].flatMap((first) =>
    [1, 2, 3].map((second) => `forbid(principal, action, resource) ${condition(first, second)};`),
  );

test.each<[string, (first: number, second: number) => string]>([
  ['two bounds', (i, j) => `when { context.n > ${i} && context.m <= ${j} }`],
  ['written the other way round', (i, j) => `when { ${i} < context.n && ${j} >= context.m }`],
  ['negated', (i, j) => `when { !(context.n < ${i}) } unless { context.m >= ${j} }`],
  [
    'a range of one number',
    (i, j) => `when { context.n >= ${i} && context.n < ${j} && context.m > 1 }`,
  ],
  [
    'behind a set',
    (i, j) => `when { context.n > ${i} && !context.set.contains(2) && context.m < ${j} }`,
  ],
  [
    'behind a bool',
    (i, j) => `when { context.n > ${i} && context.n == context.m && principal.level < ${j} }`,
  ],
  [
    'guarded',
    (i, j) => `when { context has n && context.n > ${i} && context has m && context.m < ${j} }`,
  ],
  [
    'of an entity',
    (i, j) => `when { principal.level >= ${i} && context.n > ${j} && context.m > 2 }`,
  ],
  ['of a difference', (i, j) => `when { context.n > context.m + ${i} && principal.level < ${j} }`],
  [
    'of two sums',
    (i, j) => `when { !(context.n * ${i} - 2 >= ${j} + context.m) && context.n > 1 }`,
  ],
  [
    'of a difference near overflow',
    (i, j) => `when { context.n - ${i} < context.m + 9007199254740991 && principal.level > ${j} }`,
  ],
  ['of a sum', (i, j) => `when { context.n + context.m > ${i} && principal.level < ${j} }`],
  ['all of a set', (i, j) => `when { context.set.containsAll([${i}, ${j}]) && context.n > 1 }`],
  ['any of a set', (i, j) => `when { context.set.containsAny([${i}, ${j}]) && context.n > ${j} }`],
])('%s: indexed equals unindexed', (_name, condition) => {
  requireSameAnswers(grid(condition));
});

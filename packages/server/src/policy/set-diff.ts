/** Two sets side by side: what changed, what of it loosens, and what is decided otherwise, by example. */
import { actionReaches, type PolicySet, resolvedSchema, schemaText } from '@sealrail/sdk';
import { type Examples, findExamples } from './examples.ts';
import { compareSets, type SetChanges, treeOf } from './set-changes.ts';

export interface SetDiff extends SetChanges {
  /** Digests of the sets. */
  readonly before: string;
  readonly after: string;
  readonly examples: Examples;
}

export function diffSets(before: PolicySet, after: PolicySet): SetDiff {
  const changed = changesOf(before, after);
  const ids = new Set(changed.changes.map(({ id }) => id));
  const both = [...before.policies, ...after.policies];
  return {
    before: before.digest,
    after: after.digest,
    ...changed,
    examples: findExamples({
      before,
      after,
      changed: both.filter(({ id }) => ids.has(id)).map(treeOf),
      all: both.map(treeOf),
    }),
  };
}

/** Without examples: what `apply` asks before it decides. */
export function changesOf(before: PolicySet, after: PolicySet): SetChanges {
  const reaches = actionReaches(resolvedSchema(schemaText()));
  return compareSets(before.policies, after.policies, reaches);
}

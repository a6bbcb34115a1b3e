/** What several conditions ask of one result, as one (decision.md, OBLIGATIONS). Pure. */
import type { EntityUid, MaskMethod, Obligation, PolicyInfo } from './decision.ts';

export interface Asked {
  readonly policy: PolicyInfo;
  /** Of the requests that the policy is satisfied for. */
  readonly resources: readonly EntityUid[];
}

/** From strongest to weakest. */
const METHODS: readonly MaskMethod[] = ['null', 'constant', 'hash', 'partial'];

/**
 * Masks: the strongest method for each (resource, data class); limits: the smallest for each resource;
 * taints: all labels, each for the longest time. Deterministic: neither the order of policies nor that of
 * requests shows in it.
 */
export function mergeObligations(asked: readonly Asked[]): Obligation[] {
  if (asked.length === 0) return [];
  const ordered = asked.toSorted((a, b) => (a.policy.id < b.policy.id ? -1 : 1));
  return [...masksOf(ordered), ...limitsOf(ordered), ...taintsOf(ordered)];
}

interface MaskGroup {
  readonly resource: EntityUid;
  readonly method: MaskMethod;
  readonly policy: string;
  readonly classes: string[];
  readonly detect: string[];
}

function masksOf(asked: readonly Asked[]): Obligation[] {
  /** By resource, kind and name of what is masked: who masks it how. */
  const strongest = new Map<
    string,
    { group: MaskGroup; kind: 'classes' | 'detect'; name: string }
  >();
  for (const { policy, resources } of asked) {
    const { condition } = policy;
    if (condition?.kind !== 'masked') continue;
    const { method } = condition;
    for (const resource of resources) {
      const group = { resource, method, policy: policy.id, classes: [], detect: [] };
      for (const kind of ['classes', 'detect'] as const) {
        for (const name of condition[kind]) {
          const key = JSON.stringify([resource.type, resource.id, kind, name]);
          const known = strongest.get(key);
          const isStronger =
            known === undefined || METHODS.indexOf(method) < METHODS.indexOf(known.group.method);
          if (isStronger) strongest.set(key, { group, kind, name });
        }
      }
    }
  }
  const groups = new Map<string, MaskGroup>();
  for (const { group, kind, name } of strongest.values()) {
    const key = JSON.stringify([group.resource.type, group.resource.id, group.policy]);
    const known = groups.get(key) ?? { ...group, classes: [], detect: [] };
    known[kind].push(name);
    groups.set(key, known);
  }
  return sorted(groups).map(({ resource, method, policy, classes, detect }) => ({
    kind: 'mask',
    resource,
    classes: classes.sort(),
    detect: detect.sort(),
    method,
    policy,
  }));
}

interface Bound {
  readonly resource: EntityUid;
  readonly policy: string;
  readonly unit: 'rows' | 'bytes';
  readonly most: number;
}

function limitsOf(asked: readonly Asked[]): Obligation[] {
  const smallest = new Map<string, Bound>();
  for (const { policy, resources } of asked) {
    const { condition } = policy;
    if (condition?.kind !== 'limited') continue;
    for (const resource of resources) {
      for (const unit of ['rows', 'bytes'] as const) {
        const most = condition[unit];
        if (most === undefined) continue;
        const key = JSON.stringify([resource.type, resource.id, unit]);
        const known = smallest.get(key);
        if (known === undefined || most < known.most)
          smallest.set(key, { resource, policy: policy.id, unit, most });
      }
    }
  }
  return sorted(smallest).map(({ resource, policy, unit, most }) => ({
    kind: 'limit',
    resource,
    ...(unit === 'rows' ? { rows: most } : { bytes: most }),
    policy,
  }));
}

function taintsOf(asked: readonly Asked[]): Obligation[] {
  const longest = new Map<string, { label: string; ttlMs: number; policy: string }>();
  for (const { policy } of asked) {
    const { condition } = policy;
    if (condition?.kind !== 'tainted') continue;
    const { ttlMs } = condition;
    for (const label of condition.labels) {
      const known = longest.get(label);
      if (known === undefined || ttlMs > known.ttlMs)
        longest.set(label, { label, ttlMs, policy: policy.id });
    }
  }
  const groups = new Map<string, { labels: string[]; ttlMs: number; policy: string }>();
  for (const { label, ttlMs, policy } of longest.values()) {
    const group = groups.get(policy) ?? { labels: [], ttlMs, policy };
    group.labels.push(label);
    groups.set(policy, group);
  }
  return sorted(groups).map(({ labels, ttlMs, policy }) => ({
    kind: 'taint',
    labels: labels.sort(),
    ttlMs,
    policy,
  }));
}

/** Values in the order of their keys. */
function sorted<T>(map: ReadonlyMap<string, T>): T[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}

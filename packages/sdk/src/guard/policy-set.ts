/**
 * Loading policies: everything that decision.md refuses at LOAD is found here, with file, line and column,
 * so that no policy is in force that means less than it seems to.
 */
import { hash } from 'node:crypto';
import { type DetailedError, validate } from '@cedar-policy/cedar-wasm/nodejs';
import {
  type ActionScope,
  type Expr,
  type JsonPolicy,
  type Policy,
  parseExpr,
  parsePolicies,
  policyToJson,
  printPolicy,
} from '@sealrail/cedar';
import { encodeCanonical, parseCanonical } from '../entry/canonical.ts';
import { SealrailError } from '../errors.ts';
import { readAnnotations } from './annotations.ts';
import { isAboutPresence, joinAttributeErrors } from './attribute-errors.ts';
import { memoryOf } from './condition.ts';
import type { ConditionKind, Engine, Entity, PolicyInfo, PreparedEntities } from './decision.ts';
import { openEngine } from './engine.ts';
import { EVERYTHING, type Fulfilment, fulfils, unfulfilled } from './fulfilment.ts';
import { unknownNames } from './lint/lint.ts';
import { forbiddenRead, historyReadMs, NOT_ESTABLISHED, readsContext } from './policy-reads.ts';
import { fromByteOffset, normalizePolicy, positionAt, tooComplex } from './policy-text.ts';
import { actionsOf, enumeratedTypes, resolvedSchema } from './schema.ts';
import { EntityIndex } from './understood.ts';

export interface PolicyFile {
  readonly name: string;
  readonly text: string;
}

export interface PolicySource {
  readonly files: readonly PolicyFile[];
  readonly schema: string;
}

/** Where something is wrong. Line and column are 1-based, the column in characters. */
export interface PolicyProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly hint?: string;
}

export interface PolicySet {
  /** By id. */
  readonly policies: readonly PolicyInfo[];
  readonly byId: ReadonlyMap<string, PolicyInfo>;
  /** SHA-256 of `canonical`, lowercase hex. */
  readonly digest: string;
  /**
   * Canonical JSON `{policies: [{id, text}], schema, v}`: policies sorted by id, each its tokens with one
   * space between. From it alone the same set can be loaded again, so that decisions can be recomputed.
   */
  readonly canonical: string;
  readonly engine: Engine;
  /** Once for each list of entities, as long as somebody holds it. */
  prepare(entities: readonly Entity[]): PreparedWorld;
  /** True where a decision depends on what was done before: a history is read, counted in or tainted. */
  readonly remembers: boolean;
  /** For how long. */
  readonly memoryMs: number;
  /** True where the surface of this action carries such a condition out. */
  fulfils(kind: ConditionKind, action: string): boolean;
  /** This set with the shadow policies in it: what it says is told and never done. */
  readonly shadow?: PolicySet;
  /** Gives the engine's memory back; a guard that replaces a set closes the old one. */
  close(): void;
}

export const POLICIES_MAX = 2_000;
/** Of all files together, in UTF-16 code units. */
export const POLICY_CHARACTERS_MAX = 4 << 20;

/**
 * The set, or everything that is wrong with the files. `schema` is schemaText() for the schema of this
 * package; throws only where that text itself is wrong. Whoever guards passes what its surfaces can carry
 * out; whoever recomputes needs not, since what was loaded once could be carried out.
 */
export function loadPolicySet(
  files: readonly PolicyFile[],
  schema: string,
  fulfilment: Fulfilment = EVERYTHING,
): PolicySet | PolicyProblem[] {
  const oversize = sizeProblem(files);
  if (oversize) return [oversize];
  const problems: PolicyProblem[] = [];
  const policies = files.flatMap((file) => readFile(file, problems));
  const actions = actionsOf(schema);
  for (const policy of policies) {
    const { condition, id } = policy.info;
    const scope = scopeOf(policy.policy.action);
    const problem = condition && unfulfilled(condition.kind, scope, actions, fulfilment);
    if (problem) problems.push(problemOf(policy, `policy ${id}: ${problem}`));
  }
  for (const [at, policy] of policies.entries()) {
    const first = policies.findIndex(({ info }) => info.id === policy.info.id);
    if (first === at) continue;
    const { file, line } = policies[first]?.info ?? policy.info;
    const message = `a second policy with @id("${policy.info.id}"); the first is at ${file}:${line}`;
    problems.push(problemOf(policy, message));
  }
  if (policies.length > POLICIES_MAX) {
    const last = policies[POLICIES_MAX];
    if (last) problems.push(problemOf(last, `more than ${POLICIES_MAX} policies`));
  }
  if (problems.length > 0) return problems;
  const invalid = findInvalid(policies, schema);
  return invalid.length > 0 ? invalid : openSet(policies, schema, fulfilment);
}

/** The source of a set from its canonical form: what a recomputation loads. Throws ENTRY_INVALID. */
export function canonicalSource(canonical: string): PolicySource {
  const form = parseCanonical(canonical) as unknown as CanonicalForm;
  if (form.v !== 1) throw new SealrailError('ENTRY_INVALID', 'a policy set of another version');
  const files = form.policies.map(({ id, text }) => ({ name: id, text }));
  return { files, schema: form.schema };
}

interface CanonicalForm {
  readonly v: number;
  readonly schema: string;
  readonly policies: readonly { readonly id: string; readonly text: string }[];
}

interface ReadPolicy {
  readonly info: PolicyInfo;
  readonly policy: Policy;
  readonly conditions: JsonPolicy['conditions'];
  readonly cost?: Expr;
  readonly file: PolicyFile;
}

function sizeProblem(files: readonly PolicyFile[]): PolicyProblem | undefined {
  let characters = 0;
  for (const { name, text } of files) {
    characters += text.length;
    if (characters > POLICY_CHARACTERS_MAX) {
      const message = `the policies are longer than ${POLICY_CHARACTERS_MAX} characters together`;
      return { file: name, line: 1, column: 1, message };
    }
  }
  return undefined;
}

function readFile(file: PolicyFile, problems: PolicyProblem[]): ReadPolicy[] {
  // Cedar's validator recurses, and past some hundred levels it overwrites its own memory.
  const complex = tooComplex(file.text);
  if (complex) {
    problems.push(problemAt(file, complex.offset, complex.message));
    return [];
  }
  const parsed = parsePolicies(file.text);
  if (!parsed.ok) {
    for (const { start, message, hint } of parsed.errors)
      problems.push(problemAt(file, start, message, hint));
    return [];
  }
  const found: ReadPolicy[] = [];
  for (const policy of parsed.policies) {
    const read = readPolicy(file, policy);
    if ('message' in read) problems.push(read);
    else found.push(read);
  }
  return found;
}

function readPolicy(file: PolicyFile, policy: Policy): ReadPolicy | PolicyProblem {
  const { start, end, effect } = policy;
  const refuse = (message: string): PolicyProblem => problemAt(file, start, message);
  if (
    [policy.principal, policy.resource].some((scope) => 'entity' in scope && isSlot(scope.entity))
  )
    return refuse('a template (?principal, ?resource) names nobody');
  const annotations = Object.fromEntries(
    [...policy.annotations].map(([name, value]) => [name, value ?? '']),
  );
  const annotated = readAnnotations(effect, annotations);
  if (typeof annotated === 'string') return refuse(annotated);
  const { id, condition } = annotated;
  const { conditions } = policyToJson(policy);
  if (condition?.kind === 'approved' && readsContext(conditions, ['meta', 'approval'])) {
    const why = 'an approval that asked for itself could not be given';
    return refuse(`policy ${id} asks for an approval and reads context.meta.approval: ${why}`);
  }
  const read = forbiddenRead(conditions, NOT_ESTABLISHED);
  if (read !== undefined) return refuse(`policy ${id}: ${read}`);
  const cost = readCost(condition);
  if (typeof cost === 'string') return refuse(`policy ${id}: @cost does not parse: ${cost}`);
  const text = file.text.slice(start, end);
  const info: PolicyInfo = {
    ...annotated,
    effect,
    annotations,
    readsHistory: readsContext(conditions, ['meta', 'history']),
    file: file.name,
    line: positionAt(file.text, start).line,
    text,
    textDigest: hash('sha256', normalizePolicy(text)),
  };
  return { info, policy, conditions, file, ...(cost ? { cost } : {}) };
}

const isSlot = (entity: unknown): boolean => typeof entity === 'string';

function readCost(condition: PolicyInfo['condition']): Expr | string | undefined {
  if (condition?.kind !== 'within-rate' || condition.cost === undefined) return undefined;
  const parsed = parseExpr(condition.cost);
  return parsed.ok ? parsed.expr : (parsed.errors[0]?.message ?? 'it is no expression');
}

/** Ids of the actions and groups that a policy's scope names; undefined for all of them. */
function scopeOf(action: ActionScope): readonly string[] | undefined {
  switch (action.kind) {
    case 'any':
      return undefined;
    case 'eq':
      return [action.entity.id];
    case 'in':
      return action.entities.map(({ id }) => id);
  }
}

/**
 * A name that does not exist is said once, with what was meant. Cedar says it of every action, without; so
 * it is asked about the other policies only.
 */
function findInvalid(policies: readonly ReadPolicy[], schema: string): PolicyProblem[] {
  const resolved = resolvedSchema(schema);
  const misnamed = new Map(
    policies.map((read) => {
      const { info, policy, file } = read;
      const one = { id: info.id, policy, file: file.name, text: file.text };
      return [read, unknownNames([one], resolved)] as const;
    }),
  );
  const named = policies.filter((policy) => misnamed.get(policy)?.length === 0);
  return [...[...misnamed.values()].flat(), ...validatePolicies(named, schema)];
}

/** A warning counts: a policy that can never apply looks as if it guarded, and never does. */
function validatePolicies(policies: readonly ReadPolicy[], schema: string): PolicyProblem[] {
  const byId = new Map(policies.map((policy) => [policy.info.id, policy]));
  const texts = policies.map(({ info }) => [info.id, info.text] as const);
  // A cost is of type Long over the requests of its policy. No @id begins with a colon.
  const costs = policies.flatMap(({ info, policy, cost }) =>
    cost === undefined ? [] : [[`:${info.id}`, costPolicy(policy, cost)] as const],
  );
  const staticPolicies = Object.fromEntries([...texts, ...costs]);
  const answer = validate({ schema, policies: { staticPolicies } });
  if (answer.type === 'failure') {
    // Each policy parsed by itself: what fails now is the schema, or Cedar's own parser reads it otherwise.
    throw new Error(`Cedar refuses policies or schema: ${answer.errors[0]?.message ?? 'unknown'}`);
  }
  const errors = [...answer.validationErrors, ...answer.validationWarnings];
  // What may be missing has no cost then, and that is an error of the policy when it is.
  const counting = errors.filter((error) => byId.has(error.policyId) || !isAboutPresence(error));
  return joinAttributeErrors(counting).flatMap(({ policyId, error }) => {
    const policy = byId.get(policyId);
    if (policy) return [cedarProblem(policy, error)];
    const costly = byId.get(policyId.slice(1));
    return costly ? [problemOf(costly, `policy ${costly.info.id}: @cost: ${saidOf(error)}`)] : [];
  });
}

function costPolicy(policy: Policy, cost: Expr): string {
  const zero: Expr = { kind: 'literal', value: 0, at: 0 };
  const body: Expr = { kind: 'binary', operator: '<', left: cost, right: zero, at: 0 };
  return printPolicy({
    ...policy,
    annotations: new Map(),
    conditions: [...policy.conditions, { kind: 'when', body }],
  });
}

function openSet(
  policies: readonly ReadPolicy[],
  schema: string,
  fulfilment: Fulfilment,
): PolicySet {
  const sorted = policies.toSorted((a, b) => (a.info.id < b.info.id ? -1 : 1));
  const infos = sorted.map(({ info }) => info);
  const canonical = encodeCanonical({
    v: 1,
    schema,
    policies: infos.map(({ id, text }) => ({ id, text: normalizePolicy(text) })),
  });
  const entries = sorted.map(({ info, policy, cost }) => ({
    id: info.id,
    policy,
    ...(cost ? { cost } : {}),
  }));
  const engine = openEngine(entries, resolvedSchema(schema));
  return {
    policies: infos,
    byId: new Map(infos.map((info) => [info.id, info])),
    digest: hash('sha256', canonical),
    canonical,
    engine,
    prepare: preparer(engine, enumeratedTypes(schema)),
    ...memoryOfSet(sorted),
    fulfils: (kind, action) => fulfils(fulfilment, kind, action),
    close: () => engine.close(),
  };
}

/** What is known of the entities of an action before anything is asked about it. */
export interface PreparedWorld {
  readonly index: EntityIndex;
  readonly prepared: PreparedEntities;
}

function preparer(engine: Engine, enumerated: ReadonlySet<string>): PolicySet['prepare'] {
  const worlds = new WeakMap<readonly Entity[], PreparedWorld>();
  return (entities) => {
    const known = worlds.get(entities);
    if (known !== undefined) return known;
    const index = new EntityIndex(entities, enumerated);
    const made = { index, prepared: engine.prepare(entities) };
    worlds.set(entities, made);
    return made;
  };
}

function memoryOfSet(policies: readonly ReadPolicy[]): Pick<PolicySet, 'remembers' | 'memoryMs'> {
  const each = policies.map(({ info: { condition }, conditions }) =>
    Math.max(condition ? memoryOf(condition) : 0, historyReadMs(conditions)),
  );
  const remembers = policies.some(
    ({ info: { condition, readsHistory } }) =>
      readsHistory || condition?.kind === 'within-rate' || condition?.kind === 'tainted',
  );
  return { remembers, memoryMs: Math.max(0, ...each) };
}

/** `offset` in UTF-16 code units. */
function problemAt(
  { name, text }: PolicyFile,
  offset: number,
  message: string,
  hint?: string,
): PolicyProblem {
  return { file: name, ...positionAt(text, offset), message, ...(hint ? { hint } : {}) };
}

const problemOf = ({ file, policy }: ReadPolicy, message: string): PolicyProblem =>
  problemAt(file, policy.start, message);

function cedarProblem({ info, file, policy }: ReadPolicy, error: DetailedError): PolicyProblem {
  const [location] = error.sourceLocations ?? [];
  const text = file.text.slice(policy.start);
  const offset = location ? fromByteOffset(text, location.start) : 0;
  const hint = error.help ?? location?.label ?? undefined;
  return problemAt(file, policy.start + offset, `policy ${info.id}: ${saidOf(error)}`, hint);
}

/** Cedar begins with the policy, by its own name for it. */
const saidOf = ({ message }: DetailedError): string => message.replace(/^for policy `[^`]*`, /, '');

/**
 * Loading policies: everything that decision.md refuses at LOAD is found here, with file, line and column,
 * so that no policy is in force that means less than it seems to.
 */
import { hash } from 'node:crypto';
import {
  type ActionConstraint,
  checkParsePolicySet,
  type DetailedError,
  policySetTextToParts,
  policyToJson,
  validate,
} from '@cedar-policy/cedar-wasm/nodejs';
import { encodeCanonical, parseCanonical } from '../entry/canonical.ts';
import { SealrailError } from '../errors.ts';
import { readAnnotations } from './annotations.ts';
import { memoryOf } from './condition.ts';
import type { ConditionKind, Engine, PolicyInfo } from './decision.ts';
import { openCedarWasmEngine } from './engine-cedar-wasm.ts';
import { EVERYTHING, type Fulfilment, fulfils, unfulfilled } from './fulfilment.ts';
import { forbiddenRead, historyReadMs, NOT_ESTABLISHED, readsContext } from './policy-reads.ts';
import {
  fromByteOffset,
  normalizePolicy,
  type PolicyText,
  positionAt,
  splitPolicies,
  tooComplex,
} from './policy-text.ts';
import { rememberingEngine } from './remembering-engine.ts';
import { actionsOf, enumeratedTypes } from './schema.ts';

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
  readonly enumerated: ReadonlySet<string>;
  /** True where a decision depends on what was done before: a history is read, counted in or tainted. */
  readonly remembers: boolean;
  /** For how long. */
  readonly memoryMs: number;
  /** True where the surface of this action carries such a condition out. */
  fulfils(kind: ConditionKind, action: string): boolean;
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
    const problem = condition && unfulfilled(condition.kind, policy.scope, actions, fulfilment);
    if (problem) problems.push(problemAt(policy, 0, `policy ${id}: ${problem}`));
  }
  for (const [at, policy] of policies.entries()) {
    const first = policies.findIndex(({ info }) => info.id === policy.info.id);
    if (first === at) continue;
    const { file, line } = policies[first]?.info ?? policy.info;
    const message = `a second policy with @id("${policy.info.id}"); the first is at ${file}:${line}`;
    problems.push(problemAt(policy, 0, message));
  }
  if (policies.length > POLICIES_MAX) {
    const last = policies[POLICIES_MAX];
    if (last) problems.push(problemAt(last, 0, `more than ${POLICIES_MAX} policies`));
  }
  if (problems.length > 0) return problems;
  const invalid = validatePolicies(policies, schema);
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
  /** In Cedar's JSON form. */
  readonly conditions: unknown;
  readonly scope: readonly string[] | undefined;
  readonly file: PolicyFile;
  readonly at: PolicyText;
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
  const start = { file, at: { start: 0 } };
  const complex = tooComplex(file.text);
  if (complex) {
    problems.push(problemAt(start, complex.offset, complex.message));
    return [];
  }
  const parsed = parseFile(file);
  if (parsed.type === 'failure') {
    problems.push(...parsed.errors.map((error) => cedarProblem(start, error)));
    return [];
  }
  if (parsed.policy_templates.length > 0) {
    problems.push(problemAt(start, 0, 'a template (?principal, ?resource) names nobody'));
    return [];
  }
  const texts = splitPolicies(file.text);
  if (texts?.length !== parsed.policies.length) {
    // Ids, lines and effects come from our split: where Cedar sees other policies, none of them hold.
    problems.push(problemAt(start, 0, "couldn't tell the policies of this file apart"));
    return [];
  }
  const found: ReadPolicy[] = [];
  for (const at of texts) {
    const read = readPolicy(file, at);
    if (typeof read === 'string') problems.push(problemAt({ file, at }, 0, read));
    else found.push({ ...read, file, at });
  }
  return found;
}

function parseFile({ text }: PolicyFile): ReturnType<typeof policySetTextToParts> {
  // Of the two, only the first says where an error is.
  const checked = checkParsePolicySet({ staticPolicies: text });
  return checked.type === 'failure' ? checked : policySetTextToParts(text);
}

function readPolicy(
  file: PolicyFile,
  at: PolicyText,
): Pick<ReadPolicy, 'info' | 'conditions' | 'scope'> | string {
  const text = file.text.slice(at.start, at.end);
  const answer = policyToJson(text);
  if (answer.type === 'failure') return answer.errors[0]?.message ?? 'does not parse';
  const { effect, conditions } = answer.json;
  if (effect !== at.effect) return `Cedar reads a ${effect} where a ${at.effect} stands`;
  // An annotation without a value comes as null.
  const annotations: Record<string, string> = {};
  for (const [name, value] of Object.entries(answer.json.annotations ?? {})) {
    annotations[name] = (value as string | null) ?? '';
  }
  const annotated = readAnnotations(effect, annotations);
  if (typeof annotated === 'string') return annotated;
  const { id, condition } = annotated;
  if (condition?.kind === 'approved' && readsContext(conditions, ['meta', 'approval'])) {
    return `policy ${id}: it asks for an approval and reads context.meta.approval: an approval that asked for itself could not be given`;
  }
  if (condition?.kind === 'within-rate' && condition.cost !== undefined) {
    return `policy ${id}: @cost cannot be computed by this version`;
  }
  const read = forbiddenRead(conditions, NOT_ESTABLISHED);
  if (read !== undefined) return `policy ${id}: ${read}`;
  const info: PolicyInfo = {
    ...annotated,
    effect,
    annotations,
    readsHistory: readsContext(conditions, ['meta', 'history']),
    file: file.name,
    line: positionAt(file.text, at.start).line,
    text,
    textDigest: hash('sha256', normalizePolicy(text)),
  };
  return { info, conditions, scope: scopeOf(answer.json.action) };
}

/** Ids of the actions and groups that a policy's scope names; undefined for all of them. */
function scopeOf(action: ActionConstraint): readonly string[] | undefined {
  if (action.op === 'All') return undefined;
  // A slot would make it a template, and those are refused.
  if ('slot' in action) return [];
  const named = 'entities' in action ? action.entities : [action.entity];
  return named.map((entity) => ('__entity' in entity ? entity.__entity.id : entity.id));
}

/** A warning counts: a policy that can never apply looks as if it guarded, and never does. */
function validatePolicies(policies: readonly ReadPolicy[], schema: string): PolicyProblem[] {
  const byId = new Map(policies.map((policy) => [policy.info.id, policy]));
  const staticPolicies = Object.fromEntries(policies.map(({ info }) => [info.id, info.text]));
  const answer = validate({ schema, policies: { staticPolicies } });
  if (answer.type === 'failure') {
    // Each policy parsed by itself: what fails now is the schema.
    throw new Error(`the policy schema does not parse: ${answer.errors[0]?.message ?? 'unknown'}`);
  }
  return [...answer.validationErrors, ...answer.validationWarnings].flatMap(
    ({ policyId, error }) => {
      const policy = byId.get(policyId);
      return policy ? [cedarProblem(policy, error)] : [];
    },
  );
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
  const engine = openCedarWasmEngine(
    sorted.map(({ info, at }) => ({ id: info.id, text: info.text, at })),
    schema,
  );
  const remembering = rememberingEngine(
    engine,
    sorted.map(({ conditions }) => conditions),
  );
  return {
    policies: infos,
    byId: new Map(infos.map((info) => [info.id, info])),
    digest: hash('sha256', canonical),
    canonical,
    engine: remembering,
    enumerated: enumeratedTypes(schema),
    ...memoryOfSet(sorted),
    fulfils: (kind, action) => fulfils(fulfilment, kind, action),
    close: () => {
      engine.close();
      remembering.forget();
    },
  };
}

function memoryOfSet(policies: readonly ReadPolicy[]): Pick<PolicySet, 'remembers' | 'memoryMs'> {
  const each = policies.map(({ info: { condition }, conditions }) =>
    Math.max(condition ? memoryOf(condition) : 0, historyReadMs(conditions)),
  );
  const memoryMs = Math.max(0, ...each);
  return { remembers: memoryMs > 0, memoryMs };
}

interface Place {
  readonly file: PolicyFile;
  readonly at: Pick<PolicyText, 'start'>;
}

/** `offset` from the policy's start, in UTF-16 code units. */
function problemAt({ file, at }: Place, offset: number, message: string): PolicyProblem {
  return { file: file.name, ...positionAt(file.text, at.start + offset), message };
}

function cedarProblem(place: Place, error: DetailedError): PolicyProblem {
  const [location] = error.sourceLocations ?? [];
  const text = place.file.text.slice(place.at.start);
  const offset = location ? fromByteOffset(text, location.start) : 0;
  const hint = error.help ?? location?.label ?? undefined;
  return { ...problemAt(place, offset, error.message), ...(hint ? { hint } : {}) };
}

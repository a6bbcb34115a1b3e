/** Reads Cedar policy files into a set: everything that is wrong with them, each at its file, line and column. */
import { createHash } from 'node:crypto';
import {
  checkParseSchema,
  policySetTextToParts,
  policyToJson,
  validate,
} from '@cedar-policy/cedar-wasm/nodejs';
import { encodeCanonical } from '../entry/canonical.ts';
import type { Engine, PolicyInfo } from './decision.ts';
import { cedarWasmEngine } from './engine-cedar-wasm.ts';

export interface PolicyFile {
  /** As shown in messages: a path. */
  readonly name: string;
  readonly text: string;
}

export interface PolicyProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly hint?: string;
}

export interface PolicySet {
  readonly policies: readonly PolicyInfo[];
  /** SHA-256 over the canonical JSON of [id, text] pairs sorted by id, and the schema's text; lowercase hex. */
  readonly digest: string;
  /** What the digest is of: kept as a blob, so that a decision can be recomputed. */
  readonly canonical: string;
  readonly engine: Engine;
  readonly byId: ReadonlyMap<string, PolicyInfo>;
}

const SEVERITIES = ['info', 'low', 'medium', 'high', 'critical'] as const;
const UNLESS = ['approved', 'within-rate', 'masked', 'limited', 'tainted'] as const;
const ANNOTATIONS = new Set([
  'id',
  'severity',
  'message',
  'hint',
  'unless',
  'approvers',
  'quorum',
  'ttl',
  'rate',
  'key',
  'cost',
  'classes',
  'detect',
  'with',
  'rows',
  'bytes',
  'labels',
]);
export const POLICIES_MAX = 10_000;

/** Offsets of cedar-wasm count UTF-8 bytes. */
function position(text: string, byteOffset: number): { line: number; column: number } {
  const before = Buffer.from(text).subarray(0, byteOffset).toString('utf8').split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

interface Part {
  readonly info: PolicyInfo;
  readonly json: unknown;
  /** In UTF-8 bytes of the file. */
  readonly offset: number;
  readonly file: PolicyFile;
}

export function loadPolicySet(
  files: readonly PolicyFile[],
  schema: string,
): PolicySet | PolicyProblem[] {
  const problems: PolicyProblem[] = [];
  const parsed = checkParseSchema(schema);
  if (parsed.type === 'failure') {
    return parsed.errors.map(({ message }) => ({
      file: 'guard.cedarschema',
      line: 1,
      column: 1,
      message,
    }));
  }
  const parts = files.flatMap((file) => splitFile(file, problems));
  const byId = new Map<string, PolicyInfo>();
  for (const part of parts) {
    checkAnnotations(part, byId, problems);
    checkSupported(part, problems);
    byId.set(part.info.id, part.info);
  }
  if (parts.length > POLICIES_MAX)
    problems.push({
      file: files[0]?.name ?? '',
      line: 1,
      column: 1,
      message: `${parts.length} policies; at most ${POLICIES_MAX}`,
    });
  if (problems.length > 0) return problems;
  problems.push(...validationProblems(parts, schema));
  if (problems.length > 0) return problems;
  const policies = parts.map(({ info }) => info).sort((a, b) => (a.id < b.id ? -1 : 1));
  const canonical = encodeCanonical({
    policies: policies.map(({ id, text }) => [id, text]),
    schema,
  });
  return {
    policies,
    byId,
    canonical,
    digest: createHash('sha256').update(canonical).digest('hex'),
    engine: cedarWasmEngine(policies, schema),
  };
}

function splitFile(file: PolicyFile, problems: PolicyProblem[]): Part[] {
  const at = (offset: number, message: string, hint?: string | null) =>
    problems.push({
      file: file.name,
      ...position(file.text, offset),
      message,
      ...(hint ? { hint } : {}),
    });
  const answer = policySetTextToParts(file.text);
  if (answer.type === 'failure') {
    for (const { message, help, sourceLocations } of answer.errors)
      at(sourceLocations?.[0]?.start ?? 0, message, help);
    return [];
  }
  if (answer.policy_templates.length > 0)
    at(0, 'policy templates are not supported', 'write each policy out');
  let from = 0;
  return answer.policies.flatMap((text) => {
    const start = file.text.indexOf(text, from);
    from = start + text.length;
    const offset = Buffer.byteLength(file.text.slice(0, Math.max(0, start)));
    const json = policyToJson(text);
    if (json.type === 'failure') {
      at(offset, json.errors[0]?.message ?? 'does not parse');
      return [];
    }
    const annotations = Object.fromEntries(
      Object.entries(json.json.annotations ?? {}).map(([key, value]) => [key, value ?? '']),
    );
    const unless = UNLESS.find((one) => one === annotations.unless);
    const info: PolicyInfo = {
      id: annotations.id ?? '',
      effect: json.json.effect,
      severity: SEVERITIES.find((one) => one === annotations.severity) ?? 'medium',
      message: annotations.message ?? '',
      hint: annotations.hint ?? '',
      annotations,
      file: file.name,
      line: position(file.text, offset).line,
      text,
      ...(unless ? { unless } : {}),
    };
    return [{ info, json: json.json, offset, file }];
  });
}

/** LOAD refuses (decision.md): a policy that says less than it must, or something that nobody would carry out. */
function checkAnnotations(
  { info, file, offset }: Part,
  seen: ReadonlyMap<string, PolicyInfo>,
  problems: PolicyProblem[],
): void {
  const refuse = (message: string, hint?: string) =>
    problems.push({
      file: file.name,
      ...position(file.text, offset),
      message,
      ...(hint ? { hint } : {}),
    });
  const { annotations } = info;
  const name = info.id === '' ? 'a policy' : `policy ${info.id}`;
  if (info.id === '') refuse('a policy without @id', 'give it a name: @id("sql-no-drop")');
  const other = seen.get(info.id);
  if (other)
    refuse(`a second policy with @id("${info.id}"); the first is at ${other.file}:${other.line}`);
  for (const key of Object.keys(annotations)) {
    if (!ANNOTATIONS.has(key))
      refuse(`${name}: unknown annotation @${key}`, `known are ${[...ANNOTATIONS].join(', ')}`);
  }
  if (
    annotations.severity !== undefined &&
    !SEVERITIES.some((one) => one === annotations.severity)
  ) {
    refuse(
      `${name}: unknown severity "${annotations.severity}"`,
      `one of ${SEVERITIES.join(', ')}`,
    );
  }
  for (const key of ['message', 'hint'] as const) {
    if (info[key] === '')
      refuse(
        `${name}: no @${key}`,
        'whoever is stopped has to be told why, and what to do instead',
      );
  }
  if (annotations.unless === undefined) return;
  if (!info.unless)
    refuse(
      `${name}: unknown condition @unless("${annotations.unless}")`,
      `one of ${UNLESS.join(', ')}`,
    );
  if (info.effect === 'permit')
    refuse(
      `${name}: @unless stands on a permit`,
      'conditions stand on forbids: "forbidden unless …"',
    );
  if (info.unless === 'approved') {
    for (const key of ['approvers', 'quorum', 'ttl'])
      if (!annotations[key]) refuse(`${name}: @unless("approved") needs @${key}`);
    if (!/^[1-9][0-9]?$/.test(annotations.quorum ?? '1'))
      refuse(`${name}: @quorum("${annotations.quorum}") is no number of people`);
    if (!/^[1-9][0-9]{0,3}[smhd]$/.test(annotations.ttl ?? '1m'))
      refuse(`${name}: @ttl("${annotations.ttl}") is no duration`, 'such as 15m');
  }
}

/** What this version would have to make up is refused: a policy over a fact that is never there never stops anybody. */
function checkSupported({ info, json, file, offset }: Part, problems: PolicyProblem[]): void {
  const refuse = (message: string) =>
    problems.push({
      file: file.name,
      ...position(file.text, offset),
      message: `policy ${info.id}: ${message}`,
    });
  if (info.unless && info.unless !== 'approved') {
    refuse(
      `@unless("${info.unless}") cannot be carried out by this version: a forbid without a condition is the safe choice`,
    );
  }
  const paths = attributePaths(json);
  if (paths.some((path) => path.startsWith('meta.history')))
    refuse('context.meta.history is not kept by this version');
  if (paths.some((path) => /^meta\.detected\.(?!doubts)/.test(path)))
    refuse('context.meta.detected is not filled by this version, but for its doubts');
  if (paths.some((path) => /^meta\.(approval|breakGlass|purpose|ticket)/.test(path))) {
    refuse(
      'approval, breakGlass, purpose and ticket of context.meta are not filled by this version',
    );
  }
}

/** Every path below `context` that a policy reads, as `meta.history.denied1m`; from Cedar's JSON form. */
function attributePaths(json: unknown): string[] {
  const paths: string[] = [];
  const pathOf = (node: unknown): string | undefined => {
    if (typeof node !== 'object' || node === null) return undefined;
    if ('Var' in node) return node.Var === 'context' ? '' : undefined;
    const access = ('.' in node ? node['.'] : 'has' in node ? node.has : undefined) as
      | { left?: unknown; attr?: string }
      | undefined;
    const left = access && pathOf(access.left);
    return left === undefined ? undefined : [left, access?.attr].filter(Boolean).join('.');
  };
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const path = pathOf(node);
    if (path !== undefined) paths.push(path);
    for (const child of Object.values(node)) walk(child);
  };
  walk(json);
  return paths;
}

function validationProblems(parts: readonly Part[], schema: string): PolicyProblem[] {
  const staticPolicies = Object.fromEntries(parts.map(({ info }) => [info.id, info.text]));
  const answer = validate({ schema, policies: { staticPolicies } });
  if (answer.type === 'failure')
    return answer.errors.map(({ message }) => ({
      file: parts[0]?.file.name ?? '',
      line: 1,
      column: 1,
      message,
    }));
  return [...answer.validationErrors, ...answer.validationWarnings].flatMap(
    ({ policyId, error }) => {
      const part = parts.find(({ info }) => info.id === policyId);
      if (!part) return [];
      const start = part.offset + (error.sourceLocations?.[0]?.start ?? 0);
      return [
        {
          file: part.file.name,
          ...position(part.file.text, start),
          message: error.message,
          ...(error.help ? { hint: error.help } : {}),
        },
      ];
    },
  );
}

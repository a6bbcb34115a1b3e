/** Cases for an exception, in the form of *.test.yaml: what it lets through, what not, and when it ends. */
import { EntityUid, type Value } from '@sealrail/cedar';
import {
  type Action,
  type Decision,
  type Entity,
  isCedarRecord,
  type Request,
} from '@sealrail/sdk';
import { stringify } from 'yaml';

export interface CasesOptions {
  readonly action: Action;
  /** What was decided without the exception. */
  readonly decided: Decision;
  readonly decisionId: string;
  readonly until: string;
  /** When the decision was made, RFC 3339. */
  readonly time: string;
}

interface Case {
  readonly name: string;
  readonly as: string;
  readonly action: string;
  readonly on: unknown;
  readonly env: string;
  readonly at: string;
  readonly facts: unknown;
  readonly expect: unknown;
}

/** The text of a file of cases; undefined where a case cannot say what was asked. */
export function exceptionCases(options: CasesOptions): string | undefined {
  const { action, decided, decisionId } = options;
  const [first] = action.requests;
  // A case asks one thing; of several, that of the policies that stopped it.
  const part = decided.parts.find(({ code }) => code === decided.code);
  const asked = action.requests[part?.request ?? 0];
  const type = first && PRINCIPALS[first.principal.type];
  const env = asked && envOf(asked.resource, action.entities);
  if (first === undefined || asked === undefined || type === undefined || env === undefined)
    return undefined;
  const parents = entityOf(first.principal, action.entities)?.parents ?? [];
  const idsOf = (kind: string) => parents.filter((one) => one.type === kind).map(({ id }) => id);
  const principals = {
    [first.principal.id]: { type, groups: idsOf('Group'), roles: idsOf('Role') },
  };
  const cases = casesOf(options, asked, env);
  // A reader of cases takes no aliases: they make a small file a large one.
  const text = stringify({ principals, cases }, { lineWidth: 110, aliasDuplicateObjects: false });
  return `# The exception from decision ${decisionId}.\n${text}`;
}

const PRINCIPALS: Readonly<Record<string, string>> = {
  Human: 'human',
  Service: 'service',
  Agent: 'agent',
};

function casesOf(
  { decided, until, time, action }: CasesOptions,
  asked: Request,
  env: string,
): Case[] {
  const before = { verdict: decided.verdict, code: decided.code, by: [...decided.determining] };
  const facts = factsOf(asked);
  const attrs = yamlOf(entityOf(asked.resource, action.entities)?.attrs ?? {});
  const common = {
    as: asked.principal.id,
    action: asked.action,
    on: { uid: `${asked.resource.type}::${JSON.stringify(asked.resource.id)}`, attrs },
    env,
  };
  const at = `${time.slice(0, 19)}Z`;
  const other = facts.sql && { ...facts, sql: { ...facts.sql, template: 'another statement' } };
  return [
    { name: 'the exception lets this through', ...common, at, facts, expect: 'allow' },
    ...(other
      ? [
          {
            name: 'it lets no other statement through',
            ...common,
            at,
            facts: other,
            expect: before,
          },
        ]
      : []),
    { name: 'it ends', ...common, at: until, facts, expect: before },
  ];
}

/** Of the context, without what a case has of itself: who asks and when. */
function factsOf({ context }: Request): Record<string, Record<string, unknown>> {
  const facts: Record<string, Record<string, unknown>> = {};
  for (const name of Object.keys(context)) {
    const member = context[name];
    if (name !== 'meta' && isCedarRecord(member))
      facts[name] = yamlOf(member) as Record<string, unknown>;
  }
  return facts;
}

/** Facts that are empty are so by themselves in a case. */
const ALWAYS: ReadonlySet<string> = new Set(['statements']);

function yamlOf(value: Value): unknown {
  if (value instanceof EntityUid) return value.id;
  if (Array.isArray(value)) return value.map(yamlOf);
  if (!isCedarRecord(value)) return value;
  return Object.fromEntries(
    Object.keys(value).flatMap((name) => {
      const member = value[name];
      if (member === undefined || (isEmpty(member) && !ALWAYS.has(name))) return [];
      return [[name, yamlOf(member)]];
    }),
  );
}

const isEmpty = (value: Value): boolean =>
  value === '' || value === 0 || value === false || (Array.isArray(value) && value.length === 0);

const entityOf = (uid: EntityUid, entities: readonly Entity[]): Entity | undefined =>
  entities.find((one) => one.uid.type === uid.type && one.uid.id === uid.id);

function envOf(uid: EntityUid, entities: readonly Entity[], depth = 0): string | undefined {
  if (uid.type === 'Env') return uid.id;
  if (depth > entities.length) return undefined;
  for (const parent of entityOf(uid, entities)?.parents ?? []) {
    const found = envOf(parent, entities, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

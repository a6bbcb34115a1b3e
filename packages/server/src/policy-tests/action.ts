/** From what a case says to the action that the policies are asked about. */
import type { Action as ActionType, ResolvedSchema } from '@sealrail/cedar';
import { type ParsePort, readSql } from '@sealrail/facts';
import type { About, Action, EntityUid, Request } from '@sealrail/sdk';
import { nearest } from '../config/nearest.ts';
import { sqlAct } from '../gateway/postgres/action.ts';
import type { Database } from './database.ts';
import type { Entities } from './entities.ts';
import { defaultFacts, type Facts, overrideFacts, type Path } from './facts.ts';
import type { RawCase, RawDoing, RawPrincipal } from './shape.ts';

export interface World {
  readonly schema: ResolvedSchema;
  readonly database: Database;
  readonly principals: Readonly<Record<string, RawPrincipal>>;
  readonly entities: Entities;
  readonly env: RawCase['env'];
  readonly nowMs: number;
  readonly parse: ParsePort;
}

/** An action, and on whose account it is: what the guard is told by a surface. */
export interface Doing extends Pick<About, 'principal' | 'onBehalfOf'> {
  readonly action: Action;
}

/** Undefined where the case does not say what is done; that was said then. */
export function doingOf(step: RawDoing, path: Path, world: World): Doing | undefined {
  const actor = actorOf(step, path, world);
  if (actor === undefined) return undefined;
  if ((step.sql === undefined) === (step.action === undefined)) {
    world.entities.problem(path, 'there has to be either sql or action');
    return undefined;
  }
  if (step.sql !== undefined && step.on !== undefined)
    world.entities.problem([...path, 'on'], 'what a statement is about, the statement says');
  const requests =
    step.sql === undefined
      ? requestOf(step, actor, path, world)
      : sqlRequests(step.sql, actor, world);
  const made = requests.map((request) => withFacts(request, { step, actor, path }, world));
  return { action: { requests: made, entities: world.entities.all }, ...aboutOf(actor, made) };
}

/** Whether the chain is proved is a fact of the case, and the history is kept by it. */
function aboutOf({ name, raw }: Actor, [first]: readonly Request[]): Omit<Doing, 'action'> {
  const principal = { type: raw.type, id: name, proof: 'scram' } as const;
  if (raw.for === undefined) return { principal };
  const meta = first?.context.meta as { readonly caller?: { readonly chainProved?: boolean } };
  const proved = meta?.caller?.chainProved === true;
  return { principal, onBehalfOf: [{ type: 'human', id: raw.for, proved }] };
}

interface Actor {
  readonly uid: EntityUid;
  readonly name: string;
  readonly raw: RawPrincipal;
}

function actorOf({ as }: RawDoing, path: Path, { principals, entities }: World): Actor | undefined {
  const known = Object.keys(principals);
  const raw = as !== undefined && known.includes(as) ? principals[as] : undefined;
  const uid = as === undefined ? undefined : entities.principal(as);
  if (as !== undefined && raw && uid) {
    const behind = raw.for;
    if (behind !== undefined && !(known.includes(behind) && principals[behind]?.type === 'human'))
      entities.problem(
        ['principals', as, 'for'],
        `principals has no human ${JSON.stringify(behind)}`,
        'whoever stands behind it is one of principals, with groups of their own',
      );
    return { uid, name: as, raw };
  }
  const meant = as === undefined ? undefined : nearest(as, known);
  entities.problem(
    as === undefined ? path : [...path, 'as'],
    as === undefined ? 'as is missing' : `principals has no ${JSON.stringify(as)}`,
    meant ? `did you mean ${meant}?` : `known are ${known.join(', ')}`,
  );
  return undefined;
}

/** What the gateway would make of this text, by the gateway's own code. */
function sqlRequests(text: string, actor: Actor, world: World): readonly Request[] {
  const { database, env, parse, nowMs, entities } = world;
  const { name, catalog, classes } = database;
  const { type, groups, roles } = actor.raw;
  const { action } = sqlAct({
    reading: readSql({ text, parse, catalog }),
    user: { name: actor.name, type, groups, roles, scram: '' },
    target: { name, env, classes },
    session: 'test',
    inTransaction: false,
    text,
    nowMs,
    catalog,
  });
  entities.add(action.entities);
  return action.requests;
}

function requestOf(step: RawDoing, actor: Actor, path: Path, world: World): readonly Request[] {
  const { entities } = world;
  const name = step.action ?? '';
  const actions = askable(world.schema);
  const type = actions.get(name);
  if (type === undefined) {
    const meant = nearest(name, [...actions.keys()]);
    entities.problem(
      [...path, 'action'],
      `there is no action ${JSON.stringify(name)} that anything can be asked with`,
      meant ? `did you mean ${meant}?` : `known are ${[...actions.keys()].join(', ')}`,
    );
    return [];
  }
  if (!type.principals.has(actor.uid.type))
    entities.problem([...path, 'as'], `${name} is done by ${[...type.principals].join(', ')}`);
  const resource = resourceOf(step, type, path, entities);
  if (resource === undefined) return [];
  if (!type.resources.has(resource.type))
    entities.problem([...path, 'on'], `${name} is done on ${[...type.resources].join(', ')}`);
  const context = defaultFacts(type.context, entities);
  return [{ principal: actor.uid, action: name, resource, context }];
}

/** A group of actions is none: nobody asks with it. */
function askable(schema: ResolvedSchema): ReadonlyMap<string, ActionType> {
  const all = [...(schema.actions.get('Action') ?? [])];
  return new Map(all.filter(([, { principals }]) => principals.size > 0));
}

function resourceOf(
  { on }: RawDoing,
  type: ActionType,
  path: Path,
  entities: Entities,
): EntityUid | undefined {
  if (typeof on === 'object') return entities.declare(on, [...path, 'on']);
  if (on === undefined) return entities.some([...type.resources][0] ?? '', '');
  const uid = entities.read(on, [...path, 'on']);
  return uid && entities.some(uid.type, uid.id);
}

interface Given {
  readonly step: RawDoing;
  readonly actor: Actor;
  readonly path: Path;
}

/** First what follows from who and when, then what the case itself says. */
function withFacts(request: Request, { step, actor, path }: Given, world: World): Request {
  const type = world.schema.actions.get('Action')?.get(request.action)?.context;
  if (type === undefined) return request;
  const { entities } = world;
  const known = { meta: { ...timeFacts(world.nowMs), ...callerFacts(actor, world) } };
  const facts = [...path, 'facts'];
  const before = overrideFacts(request.context as Facts, known, type, facts, entities);
  return { ...request, context: overrideFacts(before, step.facts, type, facts, entities) };
}

function timeFacts(nowMs: number): Readonly<Record<string, unknown>> {
  const now = new Date(nowMs);
  return {
    now: now.toISOString(),
    hour: now.getUTCHours(),
    weekday: ((now.getUTCDay() + 6) % 7) + 1,
  };
}

function callerFacts({ raw }: Actor, { entities }: World): Readonly<Record<string, unknown>> {
  if (raw.for === undefined) return {};
  entities.principal(raw.for);
  return { caller: { onBehalfOf: raw.for, hops: 1 } };
}

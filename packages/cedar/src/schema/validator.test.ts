import { isAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import { describe, expect, test } from 'vitest';
import { type CedarRecord, type Entity, EntityUid, type Value } from '../value.ts';
import { actionEntities } from './actions.ts';
import { parseSchema } from './parse.ts';
import { resolveSchema } from './resolve.ts';
import { compileSchema } from './validator.ts';

const TEXT = `
entity Env enum ["dev", "prod"];
entity Group in [Group];
entity User in [Group] { name: String, boss?: User, action?: Action } tags Set<Long>;
entity Database in [Env];
entity Table in [Database] { rows?: Long };
type Facts = { scope: Env, tables: Set<Table>, note?: String, "constructor"?: Long };
action write, admin;
action "sql.delete" in write appliesTo { principal: [User, Env], resource: Table, context: { facts: Facts, on?: Bool, action?: Action } };
action any;
action write2 in admin;
namespace Shop { action buy; }
`;
const schema = resolveSchema(parseSchema(TEXT));
const validator = compileSchema(schema);
const uid = (type: string, id: string) => new EntityUid(type, id);

const facts = { scope: uid('Env', 'dev'), tables: [uid('Table', 't')] };
const request = {
  principal: uid('User', 'ann'),
  action: uid('Action', 'sql.delete'),
  resource: uid('Table', 't'),
  context: { facts } as CedarRecord,
};
const user = { uid: uid('User', 'ann'), parents: [], attrs: { name: 'Ann' } };

function toJson(value: Value): unknown {
  if (value instanceof EntityUid) return { __entity: { type: value.type, id: value.id } };
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toJson(member)]));
}

/** Whether Cedar itself takes the request and the entities. */
function cedarAccepts(asked: typeof request, entities: readonly Entity[]): boolean {
  const answer = isAuthorized({
    principal: { ...asked.principal },
    action: { ...asked.action },
    resource: { ...asked.resource },
    context: toJson(asked.context) as never,
    entities: entities.map((entity) => ({
      uid: { ...entity.uid },
      parents: entity.parents.map((parent) => ({ ...parent })),
      attrs: toJson(entity.attrs) as never,
      tags: toJson(entity.tags ?? {}) as never,
    })),
    schema: TEXT,
    validateRequest: true,
    policies: { staticPolicies: 'permit(principal, action, resource);' },
  });
  return answer.type === 'success';
}

describe('a request that does not fit the schema never reaches a policy', () => {
  const context = (changed: CedarRecord) => ({ context: { facts: { ...facts, ...changed } } });
  test.each<[string, Partial<typeof request>, string | undefined]>([
    ['as it should be', {}, undefined],
    ['an optional fact', context({ note: 'x', constructor: 1 }), undefined],
    ['no table', context({ tables: [] }), undefined],
    ['an action as a value', { context: { facts, action: uid('Action', 'any') } }, undefined],
    ['an enumerated principal', { principal: uid('Env', 'prod') }, undefined],
    [
      'an action that is not there',
      { action: uid('Action', 'sql.delte') },
      'did you mean `sql.delete`?',
    ],
    ['an action for nothing', { action: uid('Action', 'any') }, 'this action applies to nothing'],
    ['no action at all', { action: uid('User', 'ann') }, 'action: it is not in the schema'],
    [
      'a principal of a type that is not there',
      { principal: uid('Usr', 'ann') },
      'principal: its type is not in the schema',
    ],
    [
      'a principal of another type',
      { principal: uid('Table', 't') },
      'principal: this action applies to User, Env, not to Table',
    ],
    [
      'a resource of another type',
      { resource: uid('User', 't') },
      'resource: this action applies to Table, not to User',
    ],
    [
      'a principal that is an action',
      { principal: uid('Action', 'any') },
      'principal: its type is not in the schema',
    ],
    [
      'a principal that its type does not have',
      { principal: uid('Env', 'staging') },
      'principal: expected one of the ids of Env: dev, prod',
    ],
    ['no context', { context: {} }, 'context.facts is missing'],
    ['a fact missing', { context: { facts: { tables: [] } } }, 'context.facts.scope is missing'],
    ['a fact too many', context({ scpe: 1 }), 'context.facts.scpe is not in the schema'],
    [
      'a string for an entity',
      context({ scope: 'dev' }),
      'context.facts.scope: expected an entity of type Env',
    ],
    [
      'an id that its type does not have',
      context({ scope: uid('Env', 'x') }),
      'context.facts.scope: expected one of the ids of Env: dev, prod',
    ],
    [
      'an action that is not there as a value',
      { context: { facts, action: uid('Action', 'x') } },
      'context.action: expected an action of the schema',
    ],
    [
      'an action of another namespace',
      { context: { facts, action: uid('Shop::Action', 'buy') } },
      'context.action: expected an entity of type Action',
    ],
    ['no set', context({ tables: uid('Table', 't') }), 'context.facts.tables: expected a set'],
    [
      'one wrong element',
      context({ tables: [uid('Table', 't'), uid('User', 'u')] }),
      'an element of context.facts.tables: expected an entity of type Table',
    ],
    ['a number for a string', context({ note: 1 }), 'context.facts.note: expected a string'],
    [
      'a string for a boolean',
      { context: { facts, on: 'yes' } },
      'context.on: expected true or false',
    ],
    ['a record for a string', context({ note: {} }), 'context.facts.note: expected a string'],
    ['a set for a record', { context: { facts: [] } }, 'context.facts: expected a record'],
    [
      'a string for a long',
      context({ constructor: 'x' }),
      'context.facts.constructor: expected an integer of 64 bits',
    ],
  ])('%s', (_, change, expected) => {
    const asked = { ...request, ...change };
    const problem = validator.validateRequest(asked);
    if (expected === undefined) expect(problem).toBeUndefined();
    else expect(problem).toContain(expected);
    expect(cedarAccepts(asked, [])).toBe(expected === undefined);
  });

  test('integers are those of 64 bits, and no others', () => {
    const rows = (value: Value) =>
      validator.validateEntities([{ uid: uid('Table', 't'), parents: [], attrs: { rows: value } }]);
    for (const value of [0, -0, 2 ** 53 - 1, 2n ** 63n - 1n, -(2n ** 63n)]) {
      expect(rows(value)).toBeUndefined();
    }
    for (const value of [0.5, Number.NaN, Infinity, 2 ** 53, 2n ** 63n, -(2n ** 63n) - 1n]) {
      expect(rows(value)).toBe('Table.rows: expected an integer of 64 bits');
    }
  });

  test('what was sent is not repeated in what is said about it', () => {
    const secret = 'hunter2 hunter2';
    const wrong: Partial<typeof request>[] = [
      { principal: uid(secret, secret) },
      { principal: uid('Env', secret) },
      { action: uid('Action', secret) },
      { resource: uid('User', secret) },
      { context: { facts: { ...facts, scope: secret } } },
      { context: { facts: { ...facts, scope: uid('Env', secret) } } },
      { context: { facts, [secret]: 1 } },
      { context: { facts: { ...facts, [secret]: secret } } },
    ];
    for (const change of wrong) {
      const problem = validator.validateRequest({ ...request, ...change });
      expect(problem).toBeDefined();
      expect(problem).not.toContain('hunter2');
    }
  });
});

describe('entities are what the schema says they are', () => {
  const table: Entity = { uid: uid('Table', 't'), parents: [], attrs: {} };
  test.each<[string, readonly Entity[], string | undefined]>([
    ['as it should be', [user], undefined],
    ['in what it may be in', [{ ...user, parents: [uid('Group', 'g')] }], undefined],
    ['in what its parents may be in', [{ ...table, parents: [uid('Env', 'prod')] }], undefined],
    ['with tags', [{ ...user, tags: { a: [1], b: [] } }], undefined],
    ['with an action', [{ ...user, attrs: { name: '', action: uid('Action', 'any') } }], undefined],
    ['all actions', actionEntities(schema), undefined],
    ['enumerated', [{ uid: uid('Env', 'dev'), parents: [], attrs: {} }], undefined],
    ['a type that is not there', [{ ...user, uid: uid('Usr', 'u') }], 'did you mean `User`?'],
    ['an attribute missing', [{ ...user, attrs: {} }], 'User.name is missing'],
    [
      'an attribute too many',
      [{ ...user, attrs: { name: '', nam: '' } }],
      'User.nam is not in the schema',
    ],
    [
      'an attribute of another type',
      [{ ...user, attrs: { name: 1 } }],
      'User.name: expected a string',
    ],
    [
      'a reference to another type',
      [{ ...user, attrs: { name: '', boss: uid('Group', 'g') } }],
      'User.boss: expected an entity of type User',
    ],
    [
      'an undeclared action',
      [{ ...user, attrs: { name: '', action: uid('Action', 'x') } }],
      'User.action: expected an action of the schema',
    ],
    [
      'in what it may not be in',
      [{ ...user, parents: [uid('Table', 't')] }],
      'User cannot be in Table',
    ],
    [
      'in its own type where that is not allowed',
      [{ ...table, parents: [uid('Table', 'u')] }],
      'Table cannot be in Table',
    ],
    [
      'in an id that is not there',
      [{ ...table, parents: [uid('Env', 'x')] }],
      'a parent of Table: expected one of the ids of Env',
    ],
    [
      'a tag of another type',
      [{ ...user, tags: { a: ['x'] } }],
      'an element of a tag of User: expected an integer',
    ],
    ['tags where there are none', [{ ...table, tags: { a: [1] } }], 'Table has no tags'],
    [
      'enumerated, with another id',
      [{ uid: uid('Env', 'x'), parents: [], attrs: {} }],
      'Env: expected one of the ids of Env',
    ],
    [
      'enumerated, with an attribute',
      [{ uid: uid('Env', 'dev'), parents: [], attrs: { a: 1 } }],
      'Env.a is not in the schema',
    ],
    [
      'enumerated, with a tag',
      [{ uid: uid('Env', 'dev'), parents: [], attrs: {}, tags: { a: 1 } }],
      'Env has no tags',
    ],
    [
      'enumerated, with a parent',
      [{ uid: uid('Env', 'dev'), parents: [uid('Group', 'g')], attrs: {} }],
      'Env cannot be in Group',
    ],
    [
      'an action that is not there',
      [{ uid: uid('Action', 'x'), parents: [], attrs: {} }],
      'action: it is not in the schema',
    ],
    [
      'an action out of its group',
      [{ uid: uid('Action', 'sql.delete'), parents: [], attrs: {} }],
      'an action is in other actions than in the schema',
    ],
    [
      'an action in another group',
      [{ uid: uid('Action', 'any'), parents: [uid('Action', 'admin')], attrs: {} }],
      'an action is in other actions than in the schema',
    ],
    [
      'an action with an attribute',
      [{ uid: uid('Action', 'any'), parents: [], attrs: { a: 1 } }],
      'an action has no attributes and no tags',
    ],
    [
      'an action with a tag',
      [{ uid: uid('Action', 'any'), parents: [], attrs: {}, tags: { a: 1 } }],
      'an action has no attributes and no tags',
    ],
  ])('%s', (_, entities, expected) => {
    const problem = validator.validateEntities(entities);
    if (expected === undefined) expect(problem).toBeUndefined();
    else expect(problem).toContain(expected);
    expect(cedarAccepts(request, entities)).toBe(expected === undefined);
  });
});

describe('a record that was looked at once is not looked at again', () => {
  const deepFreeze = <T>(value: T): T => {
    if (typeof value === 'object' && value !== null && !(value instanceof EntityUid)) {
      Object.values(value).forEach(deepFreeze);
      Object.freeze(value);
    }
    return value;
  };
  /** How often the validator reads a member while it looks at requests with the same facts. */
  function countReads(frozen: boolean, times: number): number {
    let reads = 0;
    const members = { ...facts };
    Object.defineProperty(members, 'note', {
      enumerable: true,
      configurable: true,
      get: () => {
        reads += 1;
        return 'x';
      },
    });
    const shared = frozen ? deepFreeze(members) : members;
    reads = 0;
    for (let time = 0; time < times; time += 1) {
      expect(validator.validateRequest({ ...request, context: { facts: shared } })).toBeUndefined();
    }
    return reads;
  }

  test('if it is frozen, so that it cannot have changed since', () => {
    expect(countReads(true, 5)).toBe(countReads(true, 1));
    expect(countReads(false, 5)).toBe(5 * countReads(false, 1));
  });

  test('and not if only its surface is', () => {
    const tables = [uid('Table', 't')];
    const context = { facts: Object.freeze({ ...facts, tables }) };
    expect(validator.validateRequest({ ...request, context })).toBeUndefined();
    tables.push(uid('User', 'u'));
    expect(validator.validateRequest({ ...request, context })).toContain('an element of');
  });

  test('nor does being right for one type make it right for another', () => {
    const other = compileSchema(
      resolveSchema(parseSchema(TEXT.replace('note?: String', 'note?: Long'))),
    );
    const context = deepFreeze({ facts: { ...facts, note: 'x' } });
    expect(validator.validateRequest({ ...request, context })).toBeUndefined();
    expect(other.validateRequest({ ...request, context })).toContain('note');
  });
});

test('members that records inherit are none of their own', () => {
  const inherited = Object.create(facts);
  expect(validator.validateRequest({ ...request, context: { facts: inherited } })).toContain(
    'context.facts.scope is missing',
  );
  const bare = Object.assign(Object.create(null), facts);
  expect(validator.validateRequest({ ...request, context: { facts: bare } })).toBeUndefined();
  // A member added to every object there is must not stand in for a fact that nobody established.
  const pollution = { value: facts.scope, enumerable: true, configurable: true, writable: true };
  Object.defineProperty(Object.prototype, 'scope', pollution);
  try {
    const context = { facts: { tables: [] } };
    expect(validator.validateRequest({ ...request, context })).toBe(
      'context.facts.scope is missing',
    );
    expect(validator.validateRequest(request)).toBeUndefined();
  } finally {
    Reflect.deleteProperty(Object.prototype, 'scope');
  }
});

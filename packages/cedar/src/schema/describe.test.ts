import { describe, expect, test } from 'vitest';
import { describeSchema, findUndocumented } from './describe.ts';
import { parseSchema } from './parse.ts';

const TEXT = `
/// How tightly WHERE holds.
/// Worst of all.
entity Scope enum ["none", "key"];
entity Bare; // behind it
/// Not this heading:
// ------------------ principals
entity Human in [Group, Bare] { // who acts
  /// Where to write to.
  email?: String,
  scope: Scope, scopes: Set<Scope>,
  a: Long, b: Long, // both of them
  nothing: Long
} tags String;
entity Group; /// three slashes behind count too
namespace App {
  /// What is asked.
  type Facts = { sql: { limit: Long }, on: Bool }; // not this
  @doc("an annotation is no comment")
  action read, "write it" in any appliesTo { principal: Human, resource: [Group], context: Facts };
  /// Everything.
  action any;
  action now in [any] appliesTo { principal: Human, resource: Group, context: {
    /// Of this.
    facts: Facts } };
}`;
const description = describeSchema(parseSchema(TEXT));

describe('comments of a schema explain what they stand at', () => {
  const human = description.entityTypes.find(({ name }) => name === 'Human');
  const docOf = (name: string) =>
    human?.attributes.find((attribute) => attribute.name === name)?.doc;

  test('lines before it, joined; else what stands behind it', () => {
    const docs = description.entityTypes.map(({ name, doc }) => [name, doc]);
    expect(docs).toEqual([
      ['Scope', 'How tightly WHERE holds. Worst of all.'],
      ['Bare', 'behind it'],
      ['Human', 'who acts'],
      ['Group', 'three slashes behind count too'],
    ]);
  });

  test('attributes too, several on one line together', () => {
    expect(docOf('email')).toBe('Where to write to.');
    expect([docOf('a'), docOf('b')]).toEqual(['both of them', 'both of them']);
    expect(docOf('nothing')).toBeUndefined();
  });

  test('an attribute of a type that is explained is explained by it', () => {
    expect(docOf('scope')).toBe('How tightly WHERE holds. Worst of all.');
    expect(docOf('scopes')).toBe(docOf('scope'));
  });

  test('what nobody explained is listed', () => {
    expect(findUndocumented(description)).toEqual([
      'Human.nothing',
      'App::Facts.sql',
      'App::Facts.sql.limit',
      'App::Facts.on',
      'App::Action::"read"',
      'App::Action::"write it"',
      'App::Action::"now"',
    ]);
  });
});

test('a description has all that a page about the schema needs', () => {
  const [scope, , human] = description.entityTypes;
  expect(scope).toMatchObject({ ids: ['none', 'key'], parents: [], attributes: [] });
  expect(human).toMatchObject({ parents: ['Group', 'Bare'], tags: 'String' });
  expect(human?.attributes[2]).toMatchObject({
    name: 'scopes',
    type: 'Set<Scope>',
    required: true,
  });
  expect(description.commonTypes).toMatchObject([
    {
      name: 'App::Facts',
      type: '{}',
      attributes: [{ attributes: [{ name: 'limit', type: 'Long' }] }, {}],
    },
  ]);
  expect(description.actions).toMatchObject([
    { id: 'read', parents: ['any'], principals: ['Human'], resources: ['Group'], context: 'Facts' },
    { name: 'App::Action::"write it"', type: 'App::Action', id: 'write it' },
    { id: 'any', parents: [], principals: [], doc: 'Everything.' },
    { id: 'now', context: '{}', attributes: [{ name: 'facts', type: 'Facts', doc: 'Of this.' }] },
  ]);
  expect(description.actions[2]).not.toHaveProperty('context');
});

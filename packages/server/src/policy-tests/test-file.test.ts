import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPolicySet, resolvedSchema, schemaText } from '@sealrail/sdk';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ConfigError } from '../config/errors.ts';
import { FULFILMENT_OF_CASES } from '../config/policies.ts';
import { openParser } from '../gateway/postgres/parse.ts';
import { runCases } from './run.ts';
import { REPEAT_MAX } from './shape.ts';
import { readTestFile } from './test-file.ts';

const schema = resolvedSchema(schemaText());
const options = { schema, parse: await openParser(18) };
const folder = mkdtempSync(join(tmpdir(), 'sealrail-cases-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (file: unknown) => {
  const path = join(folder, 'a.test.yaml');
  writeFileSync(path, typeof file === 'string' ? file : stringify(file), { mode: 0o600 });
  return readTestFile(path, options);
};
const load = (text: string) => {
  const set = loadPolicySet([{ name: 'a.cedar', text }], schemaText(), FULFILMENT_OF_CASES);
  if ('engine' in set) return set;
  throw new Error(JSON.stringify(set));
};
const everything = load(
  '@id("all") @severity("low") @message("m") @hint("h") permit (principal, action, resource);',
);
const TYPES = { Human: 'human', Service: 'service', Agent: 'agent' } as const;

describe('an action of which a case says nothing', () => {
  const asked = [...(schema.actions.get('Action') ?? [])].flatMap(([action, type]) =>
    [...type.resources].flatMap((resource) =>
      [...type.principals].map((principal) => [action, principal, resource] as const),
    ),
  );

  test.each(asked)('is understood: %s by %s on %s', (action, principal, resource) => {
    const type = TYPES[principal as keyof typeof TYPES];
    const [result] = runCases(
      everything,
      read({
        principals: { one: { type } },
        cases: [{ name: 'x', as: 'one', action, on: `${resource}::"a.b.c"`, expect: 'allow' }],
      }),
      schema,
    );
    expect(result?.decision).toMatchObject({ verdict: 'allow', parts: [{ code: 'allowed' }] });
  });
});

describe('what was done before', () => {
  const paced = load(`
    @id("all") @severity("low") @message("m") @hint("h") permit (principal, action, resource);
    @id("pace") @severity("low") @message("m") @hint("h") @unless("within-rate") @rate("3/1m") @key("principal")
    forbid (principal is Agent, action == Action::"fn.call", resource);`);
  const played = (steps: readonly object[]) =>
    runCases(
      paced,
      read({
        principals: { bot: { type: 'agent' }, ann: { type: 'human' } },
        cases: [
          { name: 'x', as: 'bot', steps: steps.map((step) => ({ action: 'fn.call', ...step })) },
        ],
      }),
      schema,
    ).map(({ differences, decision }) => [decision.code, differences.length]);

  test('counts against a rate, until its time is over', () => {
    expect(
      played([
        { repeat: 3, expect: 'allow' },
        { after: '59s', expect: 'over-limit by pace' },
        { after: '5s', expect: 'allow' },
      ]),
    ).toEqual([
      ['allowed', 0],
      ['over-limit', 0],
      ['allowed', 0],
    ]);
  });

  test('does not count where it never reached the target, or somebody else did it', () => {
    const allowed = ['allowed', 0];
    const steps = [
      { repeat: 9, outcome: 'skipped', expect: 'allow' },
      { repeat: 9, as: 'ann', expect: 'allow' },
      { repeat: 3, outcome: 'failed', expect: 'allow' },
    ];
    expect(played(steps)).toEqual([allowed, allowed, allowed]);
    expect(played([...steps, { expect: 'allow' }]).at(-1)).toEqual(['over-limit', 1]);
  });

  test('is played as often as it says, within a bound', () => {
    expect(played([{ as: 'ann', repeat: REPEAT_MAX, expect: 'allow' }])).toEqual([['allowed', 0]]);
    expect(() => played([{ repeat: REPEAT_MAX + 1, expect: 'allow' }])).toThrow(ConfigError);
  });
});

describe('what is wrong with a file', () => {
  const problemsOf = (file: object): readonly string[] => {
    try {
      read(file);
    } catch (error) {
      if (error instanceof ConfigError)
        return error.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
    }
    return [];
  };
  const one = { as: 'ann', sql: 'SELECT 1', expect: 'allow' };

  test('is said once, however many cases it is wrong for', () => {
    const file = {
      principals: { ann: { type: 'human' } },
      entities: [{ uid: 'Application::x', attrs: { critcal: true } }],
      cases: [
        { name: 'a', ...one },
        { name: 'b', ...one },
      ],
    };
    expect(problemsOf(file)).toEqual(['7:7 there is no fact "critcal"']);
  });

  test('whoever stands behind an agent is known', () => {
    const principals = { ann: { type: 'agent', for: 'bob' }, bob: { type: 'service' } };
    expect(problemsOf({ principals, cases: [{ name: 'a', ...one }] })).toEqual([
      '4:10 principals has no human "bob"',
    ]);
  });

  test('a statement has no other resource than those that it names', () => {
    const cases = [{ name: 'a', ...one, on: 'Table::x' }];
    expect(problemsOf({ principals: { ann: { type: 'human' } }, cases })).toEqual([
      '9:9 what a statement is about, the statement says',
    ]);
  });
});

describe('a case that spares a policy', () => {
  const set = load(`
    @id("all") @severity("low") @message("m") @hint("h") permit (principal, action, resource);
    @id("no") @severity("low") @message("m") @hint("h")
    forbid (principal, action == Action::"deploy", resource) unless { context.change.signed };`);
  const said = (more: object) =>
    runCases(
      set,
      read({
        principals: { ann: { type: 'human' } },
        cases: [{ name: 'a', as: 'ann', expect: 'allow', spares: 'no', ...more }],
      }),
      schema,
    ).flatMap(({ differences }) => differences.map(({ what, got }) => `${what}: ${got}`));

  test('comes near it: about other actions nothing is said', () => {
    expect(said({ action: 'deploy' })).toEqual([]);
    expect(said({ action: 'rollback' })).toEqual(['spares: rollback']);
    expect(said({ action: 'deploy', spares: 'none' })).toEqual(['policy: no policy of this name']);
    expect(said({ action: 'deploy', facts: { change: { signed: false } } })).toEqual([
      'verdict: deny',
      'spares: met',
    ]);
  });
});

describe('a file of cases may be anything', () => {
  const word = fc.constantFrom(
    ...[
      'database',
      'principals',
      'entities',
      'cases',
      'name',
      'as',
      'sql',
      'action',
      'on',
      'facts',
    ],
    ...['expect', 'spares', 'steps', 'meta', 'caller', 'deny', 'allow', 'ann', 'type', 'human'],
    ...['tables', 'columns', 'key', 'classes', 'constructor', 'toString', 'hasOwnProperty', 'x.y'],
    ...['Human::ann', 'sql.delete', 'SELECT 1', 'in', 'attrs', 'tags', 'uid', 'approved', '0s'],
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 6 },
      word,
      fc.oneof(fc.integer(), fc.boolean(), fc.constant(null), fc.string()),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(word, tie('tree'), { maxKeys: 5 }),
    ),
  }));
  const onlyConfigErrors = (file: unknown): void => {
    try {
      runCases(everything, read(file), schema);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
    }
  };

  test('and is refused with reasons, never with a stack', () => {
    fc.assert(fc.property(tree, onlyConfigErrors), { numRuns: 300 });
  });

  test('in a single place of a whole file, too', () => {
    const whole = (put: (name: string) => unknown) => ({
      database: {
        tables: put('tables') ?? { a: ['id', 'b'] },
        classes: put('classes') ?? { personal: ['a.b'] },
      },
      principals: { ann: put('principal') ?? { type: 'human' } },
      entities: put('entities') ?? [{ uid: 'Application::"x"', attrs: { critical: true } }],
      cases: [
        {
          name: 'x',
          as: put('as') ?? 'ann',
          action: put('action') ?? 'deploy',
          on: put('on') ?? 'Application::"x"',
          facts: put('facts') ?? { meta: { hour: 1 } },
          expect: put('expect') ?? 'allow',
          spares: put('spares') ?? [],
        },
      ],
    });
    const place = fc.constantFrom(
      ...['tables', 'classes', 'principal', 'entities', 'as', 'action', 'on', 'facts', 'expect'],
    );
    expect(read(whole(() => undefined))).toHaveLength(1);
    fc.assert(
      fc.property(place, tree, (at, value) =>
        onlyConfigErrors(whole((name) => (name === at ? value : undefined))),
      ),
      { numRuns: 500 },
    );
  });
});

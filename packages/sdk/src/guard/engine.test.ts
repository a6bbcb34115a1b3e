import { describe, expect, test } from 'vitest';
import { actionOf, requestOf, setOf } from '../../testing/sql.ts';
import type { CedarValue, Request } from './decision.ts';
import type { PolicySet } from './policy-set.ts';

const head = (id: string) => `@id("${id}") @severity("low") @message("m") @hint("h")`;
const one = { verb: 'delete', groups: ['writers'] };
const { entities } = actionOf(one);
const evaluate = ({ engine }: PolicySet, request: Request) =>
  engine.evaluate(request, engine.prepare(entities));
const overflow = 'context.sql.literals + 9223372036854775807 > 0';

describe('the engine', () => {
  test('tells every satisfied policy of both effects and every error, in one answer', () => {
    const set = setOf(
      `${head('grant-1')} permit (principal, action in Action::"sql.any", resource);
       ${head('grant-2')} permit (principal in Group::"writers", action == Action::"sql.delete", resource);
       ${head('other')} permit (principal is Agent, action == Action::"sql.delete", resource);
       ${head('stop')} forbid (principal, action == Action::"sql.delete", resource);
       ${head('errs')} forbid (principal, action == Action::"sql.delete", resource) when { ${overflow} };
       ${head('errs-too')} permit (principal, action == Action::"sql.delete", resource) when { ${overflow} };`,
    );
    const { permits, forbids, errors, invalid } = evaluate(set, requestOf(one));
    expect({ permits, forbids, invalid }).toEqual({
      permits: ['grant-1', 'grant-2'],
      forbids: ['stop'],
      invalid: undefined,
    });
    expect(errors.map(({ policy }) => policy)).toEqual(['errs', 'errs-too']);
    expect(errors[0]?.message).toMatch(/overflow/);
  });

  test('sets that are open at once do not see each other, and a closed one answers nothing', () => {
    const a = setOf(`${head('a')} permit (principal, action in Action::"sql.any", resource);`);
    const b = setOf(`${head('b')} permit (principal, action in Action::"sql.any", resource);`);
    expect(evaluate(a, requestOf(one)).permits).toEqual(['a']);
    a.close();
    a.close();
    const c = setOf(`${head('c')} permit (principal, action in Action::"sql.any", resource);`);
    const d = setOf(`${head('d')} permit (principal, action in Action::"sql.any", resource);`);
    const permits = [b, c, d].map((set) => evaluate(set, requestOf(one)).permits);
    expect(permits).toEqual([['b'], ['c'], ['d']]);
    expect(evaluate(a, requestOf(one))).toEqual({
      permits: [],
      forbids: [],
      errors: [],
      invalid: 'this policy set was replaced',
    });
  });

  test('a request that breaks it is invalid, and the next one is answered', () => {
    const set = setOf(`${head('a')} permit (principal, action in Action::"sql.any", resource);`);
    let deep: CedarValue = [];
    for (let i = 0; i < 20_000; i++) deep = [deep];
    const request = requestOf(one);
    const broken = { ...request, context: { ...request.context, deep } };
    expect(evaluate(set, broken).invalid).toMatch(/./);
    const odd = { ...request, context: { ...request.context, sql: 0.5 } };
    expect(evaluate(set, odd).invalid).toMatch(/sql/);
    expect(evaluate(set, request).permits).toEqual(['a']);
  });
});

import { describe, expect, test } from 'vitest';
import { actionOf, requestOf, setOf } from '../../testing/sql.ts';
import type { CedarValue } from './decision.ts';

const head = (id: string) => `@id("${id}") @severity("low") @message("m") @hint("h")`;
const one = { verb: 'delete', groups: ['writers'] };
const { entities } = actionOf(one);
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
    const { permits, forbids, errors, invalid } = set.engine.evaluate(requestOf(one), entities);
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
    expect(a.engine.evaluate(requestOf(one), entities).permits).toEqual(['a']);
    a.close();
    a.close();
    // The two that follow may take over what the closed one left; twice closed, it left it once.
    const c = setOf(`${head('c')} permit (principal, action in Action::"sql.any", resource);`);
    const d = setOf(`${head('d')} permit (principal, action in Action::"sql.any", resource);`);
    const permits = [b, c, d].map(
      ({ engine }) => engine.evaluate(requestOf(one), entities).permits,
    );
    expect(permits).toEqual([['b'], ['c'], ['d']]);
    expect(a.engine.evaluate(requestOf(one), entities)).toEqual({
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
    expect(set.engine.evaluate(broken, entities).invalid).toMatch(/./);
    const big = { ...request, context: { ...request.context, big: 1n as unknown as number } };
    expect(set.engine.evaluate(big, entities).invalid).toMatch(/engine failed/);
    expect(set.engine.evaluate(request, entities).permits).toEqual(['a']);
  });
});

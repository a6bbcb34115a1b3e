import { expect, test } from 'vitest';
import type { Engine, Request } from './decision.ts';
import { ANSWERS_MAX, rememberingEngine } from './remembering-engine.ts';

const uid = (type: string, id: string) => ({ type, id });
const request = (context: Request['context']): Request => ({
  principal: uid('Human', 'alice'),
  action: 'sql.select',
  resource: uid('Table', 'shop.public.t'),
  context,
});
const meta = (session: string, hour: number) => ({
  meta: { now: session, hour, caller: { session } },
});

function counting(): { engine: Engine; asked: () => number } {
  let asked = 0;
  const engine: Engine = {
    name: 'counting',
    evaluate: () => ({ permits: [String(asked++)], forbids: [], errors: [] }),
  };
  return { engine, asked: () => asked };
}

const reads = (...path: string[]): unknown =>
  path.reduce<unknown>((left, attr) => ({ '.': { left, attr } }), { Var: 'context' });

test('what no policy reads does not make a new question; what one reads does', () => {
  const { engine, asked } = counting();
  const remembering = rememberingEngine(engine, [reads('meta', 'hour')]);
  remembering.evaluate(request(meta('one', 9)), []);
  remembering.evaluate(request(meta('two', 9)), []);
  expect(asked()).toBe(1);
  remembering.evaluate(request(meta('two', 10)), []);
  expect(asked()).toBe(2);
});

test('a policy that reads the member, or the record around it, is asked each time', () => {
  for (const path of [['meta', 'caller', 'session'], ['meta', 'caller'], ['meta'], []]) {
    const { engine, asked } = counting();
    const remembering = rememberingEngine(engine, [reads(...path)]);
    remembering.evaluate(request({ meta: { caller: { session: 'one' } } }), []);
    remembering.evaluate(request({ meta: { caller: { session: 'two' } } }), []);
    expect(asked(), path.join('.')).toBe(2);
  }
});

test('another principal, action, resource, fact or entity is another question', () => {
  const { engine, asked } = counting();
  const remembering = rememberingEngine(engine, []);
  const one = request({ sql: { scope: 'key' } });
  const entity = { uid: uid('Group', 'g'), attrs: {}, parents: [] };
  remembering.evaluate(one, []);
  remembering.evaluate({ ...one, principal: uid('Human', 'bob') }, []);
  remembering.evaluate({ ...one, action: 'sql.delete' }, []);
  remembering.evaluate({ ...one, resource: uid('Table', 'shop.public.u') }, []);
  remembering.evaluate(request({ sql: { scope: 'none' } }), []);
  remembering.evaluate(one, [entity]);
  expect(asked()).toBe(6);
});

test('an engine that failed is asked again, and memory is bounded', () => {
  let asked = 0;
  const broken: Engine = {
    name: 'broken',
    evaluate: () => ({ permits: [], forbids: [], errors: [], invalid: String(asked++) }),
  };
  const remembering = rememberingEngine(broken, []);
  remembering.evaluate(request({}), []);
  remembering.evaluate(request({}), []);
  expect(asked).toBe(2);

  const { engine, asked: count } = counting();
  const bounded = rememberingEngine(engine, []);
  for (let n = 0; n <= ANSWERS_MAX; n++) bounded.evaluate(request({ n }), []);
  bounded.evaluate(request({ n: 0 }), []);
  expect(count()).toBe(ANSWERS_MAX + 2);
});

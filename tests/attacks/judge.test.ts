import { expect, test } from 'vitest';
import { parseCases } from './case.ts';
import { judge } from './judge.ts';

const deny = { verdict: 'deny', code: 'forbidden' } as const;
const allow = { verdict: 'allow', code: 'allowed' } as const;
const hold = { verdict: 'hold', code: 'needs-approval' } as const;

test('a denial passes only if it was refused, logged, and nothing changed', () => {
  const step = { expect: ['DENY'] } as const;
  expect(judge(step, { decisions: [allow, deny], error: '42501', changed: false }).kind).toBe(
    'pass',
  );
  expect(judge(step, { decisions: [deny], error: '42501', changed: true }).kind).toBe('fail');
  expect(judge(step, { decisions: [deny], changed: false }).kind).toBe('fail');
  expect(judge(step, { decisions: [], error: '42501', changed: false }).kind).toBe('fail');
  expect(judge(step, { decisions: [allow], error: '42501', changed: false }).kind).toBe('fail');
});

test('a rejection is a denial before any policy was asked', () => {
  const step = { expect: ['REJECT'] } as const;
  const rejected = { verdict: 'deny', code: 'rejected' } as const;
  expect(judge(step, { decisions: [rejected], error: '08P01', changed: false }).kind).toBe('pass');
  expect(judge(step, { decisions: [deny], error: '42501', changed: false }).kind).toBe('fail');
});

test('an allowed case fails when it was blocked or when the server refused it', () => {
  const step = { expect: ['ALLOW'] } as const;
  expect(judge(step, { decisions: [allow], changed: true }).kind).toBe('pass');
  expect(judge(step, { decisions: [allow], error: '42P01', changed: false }).kind).toBe('fail');
  expect(judge(step, { decisions: [deny], error: '42501', changed: false }).kind).toBe('fail');
});

test('a masked case passes only if a mask was asked for and no value came through', () => {
  const step = { expect: ['MASK'] } as const;
  const masked = { ...allow, obligations: [{ kind: 'mask' }] };
  expect(judge(step, { decisions: [masked], changed: false, leaked: false }).kind).toBe('pass');
  expect(judge(step, { decisions: [masked], changed: false, leaked: true }).kind).toBe('fail');
  expect(judge(step, { decisions: [allow], changed: false, leaked: false }).kind).toBe('fail');
});

test('what is held passes only if it was refused for now, logged as held, and nothing changed', () => {
  const step = { expect: ['HOLD'] } as const;
  expect(judge(step, { decisions: [hold], error: 'SR001', changed: false }).kind).toBe('pass');
  expect(judge(step, { decisions: [hold], error: 'SR001', changed: true }).kind).toBe('fail');
  expect(judge(step, { decisions: [hold], changed: false }).kind).toBe('fail');
  expect(judge(step, { decisions: [deny], error: '42501', changed: false }).kind).toBe('fail');
  expect(judge(step, { decisions: [allow], error: '42P01', changed: false }).kind).toBe('fail');
});

test('what is not built is skipped, never passed, and fails when it did harm', () => {
  expect(judge({ expect: ['TAINT'] }, { decisions: [allow], changed: false }).kind).toBe('skip');
  expect(judge({ expect: ['TAINT'] }, { decisions: [allow], changed: true }).kind).toBe('fail');
  expect(
    judge({ expect: ['DENY', 'HOLD'] }, { decisions: [deny], error: '42501', changed: false }).kind,
  ).toBe('pass');
});

test('a case with an unknown verdict or broken JSON is refused with its line', () => {
  expect(() =>
    parseCases('\n{"id":"a","surface":"sql","steps":[{"sql":"x"}],"expect":"DENNY"}'),
  ).toThrow(/line 2: unknown verdict/);
  expect(() => parseCases('{')).toThrow(/line 1: not JSON/);
  expect(() => parseCases('{"id":"a","surface":"sql","steps":[]}')).toThrow(/line 1: a case needs/);
});

test("the case's verdict is for its last step, and a step's own comes before it", () => {
  const [found] = parseCases(
    '{"id":"a","surface":"sql","steps":[{"sql":"1"},{"sql":"2","expect":"ALLOW"},{"sql":"3"}],"expect":["DENY","REJECT"]}',
  );
  expect(found?.steps.map((step) => step.expect)).toEqual([
    undefined,
    ['ALLOW'],
    ['DENY', 'REJECT'],
  ]);
});

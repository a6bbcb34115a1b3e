import { describe, expect, test } from 'vitest';
import { conditional, policyInfo } from '../../testing/sql.ts';
import { CODES, decide, type Finding, type Inputs } from './decide.ts';
import type { Evaluation, PolicyInfo } from './decision.ts';
import { NO_INPUTS } from './inputs.ts';

const policies: readonly PolicyInfo[] = [
  policyInfo('grant', { effect: 'permit', severity: 'info' }),
  policyInfo('grant-2', { effect: 'permit', severity: 'info' }),
  policyInfo('flat'),
  policyInfo('grave', { severity: 'critical' }),
  conditional('approve-a', 'approved'),
  conditional('approve-b', 'approved', { approvers: 'security' }, { severity: 'critical' }),
  conditional('approve-2', 'approved', { quorum: 2 }),
  conditional('rate', 'within-rate'),
  conditional('rate-b', 'within-rate', { limit: 5 }),
  conditional('budget', 'within-rate', { cost: 'context.amount' }),
  conditional('mask', 'masked'),
  conditional('mask-null', 'masked', { classes: ['personal', 'health'], method: 'null' }),
  conditional('mask-hash', 'masked', { method: 'hash', detect: ['pan'] }),
  conditional('limit', 'limited', { bytes: 9_000 }),
  conditional('limit-rows', 'limited', { rows: 10 }),
  conditional('taint', 'tainted'),
  conditional('taint-long', 'tainted', { labels: ['personal', 'secret'], ttlMs: 90_000 }),
];
const evaluated = (evaluation: Partial<Evaluation>): Finding => ({
  kind: 'evaluated',
  evaluation: { permits: [], forbids: [], errors: [], ...evaluation },
});
const misunderstood: Finding = { kind: 'misunderstood', why: { doubts: ['dynamic'] } };
const table = (id: string) => ({ type: 'Table', id });
const ruled = (findings: readonly Finding[], more: Partial<Inputs> = {}) =>
  decide({
    rejected: false,
    requests: findings.map((_, at) => ({ action: 'sql.select', resource: table(`t${at}`) })),
    findings,
    policies: new Map(policies.map((policy) => [policy.id, policy])),
    fulfils: () => true,
    rate: NO_INPUTS.rate,
    approval: NO_INPUTS.approval,
    ...more,
  });
const error = (policy: string) => ({ policy, message: 'attribute not found' });

describe('one request', () => {
  test.each<[string, Finding, object]>([
    [
      'rule 0: not understood',
      misunderstood,
      { verdict: 'deny', code: 'not-understood', determining: [] },
    ],
    [
      'rule 1: an erring permit counts as not satisfied',
      evaluated({ permits: ['grant'], errors: [error('grant-2')] }),
      { verdict: 'allow', code: 'allowed', determining: ['grant'] },
    ],
    [
      'rule 1: and where it was the only one, nothing permits',
      evaluated({ errors: [error('grant')] }),
      { verdict: 'deny', code: 'no-permit', determining: [] },
    ],
    [
      'rule 2: an erring forbid denies, though Cedar would skip it',
      evaluated({ permits: ['grant'], errors: [error('flat')] }),
      { verdict: 'deny', code: 'policy-error', determining: ['flat'] },
    ],
    [
      'rule 2: an erring condition denies as well',
      evaluated({ permits: ['grant'], errors: [error('approve-a')] }),
      { verdict: 'deny', code: 'policy-error', determining: ['approve-a'] },
    ],
    [
      'rule 2: so does an error of a policy that nobody knows',
      evaluated({ permits: ['grant'], errors: [error('unheard-of')] }),
      { verdict: 'deny', code: 'policy-error', determining: ['unheard-of'] },
    ],
    [
      'rule 3: a forbid denies, the gravest speaks first',
      evaluated({ permits: ['grant'], forbids: ['flat', 'grave'] }),
      { verdict: 'deny', code: 'forbidden', determining: ['grave', 'flat'] },
    ],
    [
      'rule 3: a forbid that nobody knows denies',
      evaluated({ permits: ['grant'], forbids: ['unheard-of'] }),
      { verdict: 'deny', code: 'forbidden', determining: ['unheard-of'] },
    ],
    [
      'rule 4: nothing permits',
      evaluated({}),
      { verdict: 'deny', code: 'no-permit', determining: [], holds: [] },
    ],
    [
      'rule 4: an approval cannot replace a permit',
      evaluated({ forbids: ['approve-a'] }),
      { verdict: 'deny', code: 'no-permit', holds: [] },
    ],
    [
      'rule 7: every hold is listed',
      evaluated({ permits: ['grant'], forbids: ['approve-a', 'approve-b'] }),
      { verdict: 'hold', code: 'needs-approval', holds: ['approve-b', 'approve-a'] },
    ],
    [
      'rule 8: allowed',
      evaluated({ permits: ['grant-2', 'grant'] }),
      { verdict: 'allow', code: 'allowed', determining: ['grant', 'grant-2'], holds: [] },
    ],
  ])('%s', (_name, finding, expected) => {
    expect(ruled([finding])).toMatchObject(expected);
  });

  test('rule 3: a condition that the surface does not carry out forbids', () => {
    const finding = evaluated({ permits: ['grant'], forbids: ['mask', 'rate'] });
    const fulfils: Inputs['fulfils'] = (kind, action) =>
      !(kind === 'masked' && action === 'sql.select');
    expect(ruled([finding], { fulfils })).toMatchObject({
      code: 'forbidden',
      determining: ['mask'],
    });
    expect(ruled([finding]).verdict).toBe('allow');
  });

  test('rejected bytes are denied before anything is asked', () => {
    const ruling = ruled([], { rejected: true });
    expect(ruling).toMatchObject({ verdict: 'deny', code: 'rejected', parts: [], determining: [] });
  });

  test('an action over nothing is not understood', () => {
    expect(ruled([])).toMatchObject({ verdict: 'deny', code: 'not-understood' });
  });
});

describe('several requests', () => {
  const each: readonly [string, Finding][] = [
    ['not-understood', misunderstood],
    ['policy-error', evaluated({ permits: ['grant'], errors: [error('flat')] })],
    ['forbidden', evaluated({ permits: ['grant'], forbids: ['flat'] })],
    ['no-permit', evaluated({})],
    ['over-limit', evaluated({ permits: ['grant'], forbids: ['approve-a', 'rate'] })],
    ['needs-approval', evaluated({ permits: ['grant'], forbids: ['approve-a'] })],
    ['allowed', evaluated({ permits: ['grant'] })],
  ];
  const full: Inputs['rate'] = () => ({ key: 'agent:a', used: 10, waitMs: 5 });
  test('the worst code wins, wherever it stands, and every request keeps its own', () => {
    for (const [codeA, a] of each) {
      for (const [codeB, b] of each) {
        const ruling = ruled([a, b], { rate: full });
        const worst = CODES.find((code) => code === codeA || code === codeB);
        expect(ruling.code).toBe(worst);
        expect(ruling.parts.map(({ code, request }) => [request, code])).toEqual([
          [0, codeA],
          [1, codeB],
        ]);
        expect({ ...ruled([b, a], { rate: full }), parts: [] }).toEqual({ ...ruling, parts: [] });
      }
    }
  });

  test('one condition on many requests is one hold', () => {
    const held = evaluated({ permits: ['grant'], forbids: ['approve-a'] });
    expect(ruled([held, held, held]).holds).toEqual(['approve-a']);
  });

  test('a held action that is denied elsewhere asks nobody', () => {
    const held = evaluated({ permits: ['grant'], forbids: ['approve-a'] });
    expect(ruled([held, evaluated({})])).toMatchObject({ verdict: 'deny', holds: [] });
  });
});

describe('rates', () => {
  const counter =
    (used: number, waitMs?: number): Inputs['rate'] =>
    () => ({ key: 'agent:a', used, waitMs });
  const rated = (forbids: readonly string[], more: Partial<Evaluation> = {}) =>
    evaluated({ permits: ['grant'], forbids, ...more });
  const costing = (cost: number | bigint | string) =>
    rated(['budget'], { costs: new Map([['budget', cost]]) });

  test('up to the limit it is allowed and takes its place; the next one waits', () => {
    const reserve = [{ policy: 'rate', key: 'agent:a', cost: 1, windowMs: 60_000 }];
    expect(ruled([rated(['rate'])], { rate: counter(9) })).toMatchObject({
      code: 'allowed',
      reserve,
    });
    expect(ruled([rated(['rate'])], { rate: counter(10, 700) })).toMatchObject({
      verdict: 'deny',
      code: 'over-limit',
      determining: ['rate'],
      reserve: [],
      retryAfterMs: 700,
    });
  });

  test('a join of three tables costs one, and the largest cost of its requests', () => {
    const three = [rated(['rate']), rated(['rate']), rated(['rate'])];
    expect(ruled(three, { rate: counter(9) }).reserve).toMatchObject([{ cost: 1 }]);
    const asked: number[] = [];
    const rate: Inputs['rate'] = (_policy, _limit, _windowMs, cost) => {
      asked.push(cost);
      return { key: 'agent:a', used: 0, waitMs: 0 };
    };
    const ruling = ruled([costing(2), costing(7n), costing(0)], { rate });
    expect({ asked, reserve: ruling.reserve }).toMatchObject({
      asked: [7],
      reserve: [{ cost: 7 }],
    });
  });

  test('a cost that is missing, negative or failed is an error of the policy and never a free pass', () => {
    for (const [finding, message] of [
      [rated(['budget']), /missing/],
      [costing(-1), /negative/],
      [costing(-(2n ** 63n)), /negative/],
      [costing('tag not found'), /tag not found/],
    ] as const) {
      const { code, determining, parts } = ruled([finding]);
      expect({ code, determining }).toEqual({ code: 'policy-error', determining: ['budget'] });
      expect(parts[0]?.errors[0]?.message).toMatch(message);
    }
  });

  test('a cost beyond every limit is over it, with nothing to wait for', () => {
    const ruling = ruled([costing(2n ** 62n)], { rate: counter(0) });
    expect(ruling.code).toBe('over-limit');
    expect(ruling).not.toHaveProperty('retryAfterMs');
  });

  test('of several exceeded rates the longest wait is told, and none where one never ends', () => {
    const waits = new Map([
      ['rate', 10],
      ['rate-b', 900],
    ]);
    const rate: Inputs['rate'] = ({ id }) => ({ key: 'k', used: 10, waitMs: waits.get(id) });
    expect(ruled([rated(['rate', 'rate-b'])], { rate }).retryAfterMs).toBe(900);
    waits.delete('rate');
    expect(ruled([rated(['rate', 'rate-b'])], { rate })).not.toHaveProperty('retryAfterMs');
  });

  test('a throttled principal does not flood approvers', () => {
    const both = rated(['rate', 'approve-a']);
    expect(ruled([both], { rate: counter(10, 1) })).toMatchObject({
      code: 'over-limit',
      holds: [],
    });
  });

  test('nothing is taken of an action that is held or denied', () => {
    const held = ruled([rated(['rate', 'approve-a'])], { rate: counter(0) });
    expect(held).toMatchObject({ code: 'needs-approval', reserve: [], uses: [] });
    const denied = ruled([rated(['rate']), evaluated({})], { rate: counter(0) });
    expect(denied).toMatchObject({ code: 'no-permit', reserve: [] });
  });
});

describe('obligations', () => {
  const obliged = (...forbids: (readonly string[])[]) => {
    const findings = forbids.map((ids) => evaluated({ permits: ['grant'], forbids: ids }));
    return ruled(findings).obligations;
  };

  test('a class is masked by the strongest method that any policy asks for', () => {
    expect(obliged(['mask-hash', 'mask-null', 'mask'])).toEqual([
      {
        kind: 'mask',
        resource: table('t0'),
        classes: [],
        detect: ['pan'],
        method: 'hash',
        policy: 'mask-hash',
      },
      {
        kind: 'mask',
        resource: table('t0'),
        classes: ['health', 'personal'],
        detect: [],
        method: 'null',
        policy: 'mask-null',
      },
    ]);
  });

  test('each resource has its own masks', () => {
    expect(obliged(['mask'], ['mask-null'])).toMatchObject([
      { resource: table('t0'), method: 'constant' },
      { resource: table('t1'), method: 'null' },
    ]);
  });

  test('the smallest limit of a resource holds, for rows and bytes alike', () => {
    expect(obliged(['limit', 'limit-rows'])).toEqual([
      { kind: 'limit', resource: table('t0'), bytes: 9_000, policy: 'limit' },
      { kind: 'limit', resource: table('t0'), rows: 10, policy: 'limit-rows' },
    ]);
  });

  test('every label is taken on, for the longest time', () => {
    expect(obliged(['taint-long', 'taint'])).toEqual([
      { kind: 'taint', labels: ['personal', 'secret'], ttlMs: 90_000, policy: 'taint-long' },
    ]);
    expect(obliged(['taint'])).toEqual([
      { kind: 'taint', labels: ['personal'], ttlMs: 60_000, policy: 'taint' },
    ]);
  });

  test('what is not allowed has none', () => {
    const finding = evaluated({ permits: ['grant'], forbids: ['taint', 'approve-a'] });
    expect(ruled([finding]).obligations).toEqual([]);
  });
});

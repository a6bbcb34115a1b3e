import { describe, expect, test } from 'vitest';
import { policyInfo } from '../../testing/sql.ts';
import { CODES, decide, type Finding, type Inputs } from './decide.ts';
import type { Evaluation, PolicyInfo } from './decision.ts';

const policies: readonly PolicyInfo[] = [
  policyInfo('grant', { effect: 'permit', severity: 'info' }),
  policyInfo('grant-2', { effect: 'permit', severity: 'info' }),
  policyInfo('flat'),
  policyInfo('grave', { severity: 'critical' }),
  policyInfo('approve-a', { unless: 'approved' }),
  policyInfo('approve-b', { unless: 'approved', severity: 'critical' }),
  policyInfo('mask', { unless: 'masked' }),
];
const evaluated = (evaluation: Partial<Evaluation>): Finding => ({
  kind: 'evaluated',
  evaluation: { permits: [], forbids: [], errors: [], ...evaluation },
});
const misunderstood: Finding = { kind: 'misunderstood', why: { doubts: ['dynamic'] } };
const ruled = (findings: readonly Finding[], more: Partial<Inputs> = {}) =>
  decide({
    rejected: false,
    findings,
    policies: new Map(policies.map((policy) => [policy.id, policy])),
    granted: () => false,
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
      'rule 3: a condition that nobody carries out denies',
      evaluated({ permits: ['grant'], forbids: ['mask'] }),
      { verdict: 'deny', code: 'forbidden', determining: ['mask'] },
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

  test('a hold with its grants is allowed, with some of them it is held for the rest', () => {
    const finding = evaluated({ permits: ['grant'], forbids: ['approve-a', 'approve-b'] });
    expect(ruled([finding], { granted: () => true })).toMatchObject({
      verdict: 'allow',
      holds: [],
    });
    const some = ruled([finding], { granted: ({ id }) => id === 'approve-b' });
    expect(some).toMatchObject({ verdict: 'hold', holds: ['approve-a'] });
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
    ['needs-approval', evaluated({ permits: ['grant'], forbids: ['approve-a'] })],
    ['allowed', evaluated({ permits: ['grant'] })],
  ];
  test('the worst code wins, wherever it stands, and every request keeps its own', () => {
    for (const [codeA, a] of each) {
      for (const [codeB, b] of each) {
        const ruling = ruled([a, b]);
        const worst = CODES.find((code) => code === codeA || code === codeB);
        expect(ruling.code).toBe(worst);
        expect(ruling.parts.map(({ code, request }) => [request, code])).toEqual([
          [0, codeA],
          [1, codeB],
        ]);
        expect({ ...ruled([b, a]), parts: [] }).toEqual({ ...ruling, parts: [] });
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

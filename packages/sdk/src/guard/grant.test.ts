import { describe, expect, test } from 'vitest';
import { conditional } from '../../testing/sql.ts';
import { type ApprovalInputs, type Grant, grantsThatApprove } from './grant.ts';

const NOW = 1_000_000;
const policy = conditional('loose', 'approved');
const two = conditional('loose', 'approved', { quorum: 2 });

const grant = (by: string, more: Partial<Grant> = {}): Grant => ({
  id: `grant of ${by}`,
  actionDigest: 'digest',
  policy: 'loose',
  policyText: policy.textDigest,
  by,
  groups: ['dba'],
  requestedBy: ['agent:bot', 'human:ann'],
  untilMs: NOW + 1,
  used: false,
  ...more,
});

function approved(grants: readonly Grant[], info = policy, more: Partial<ApprovalInputs> = {}) {
  const { condition } = info;
  if (condition?.kind !== 'approved') throw new Error('no approval is asked for');
  return grantsThatApprove(info, condition, {
    nowMs: NOW,
    people: ['agent:bot', 'human:ann'],
    actionDigest: () => 'digest',
    grants: () => grants,
    ...more,
  });
}

describe('a grant', () => {
  test('of one member of the group lets the action through', () => {
    expect(approved([grant('bob')])).toEqual(['grant of bob']);
  });

  test.each<[string, Partial<Grant>]>([
    ['for another action', { actionDigest: 'other' }],
    ['for another policy', { policy: 'other' }],
    ['for an earlier text of the policy', { policyText: 'earlier' }],
    ['of somebody outside the group', { groups: ['security'] }],
    ['that has expired', { untilMs: NOW }],
    ['that was used', { used: true }],
  ])('%s counts for nothing', (_what, more) => {
    expect(approved([grant('bob', more)])).toBeUndefined();
  });

  test('of the principal, of anybody in its chain, or of who asked for it counts for nothing', () => {
    const human = { people: ['human:ann'] };
    expect(approved([grant('ann', { requestedBy: [] })], policy, human)).toBeUndefined();
    const chain = { people: ['agent:bot', 'service:ci', 'human:zoe'] };
    expect(approved([grant('zoe')], policy, chain)).toBeUndefined();
    expect(approved([grant('eve', { requestedBy: ['human:eve'] })])).toBeUndefined();
    // An agent that happens to be called like a human is somebody else.
    expect(approved([grant('bot')])).toEqual(['grant of bot']);
  });
});

describe('a quorum of two', () => {
  test('is two people and not two grants of one', () => {
    expect(approved([grant('bob')], two)).toBeUndefined();
    expect(approved([grant('bob'), grant('bob', { id: 'again' })], two)).toBeUndefined();
    expect(approved([grant('bob'), grant('cleo')], two)).toEqual(['grant of bob', 'grant of cleo']);
  });

  test('uses no more grants than it needs, the same ones in whatever order they come', () => {
    const all = [grant('bob'), grant('cleo'), grant('dan'), grant('bob', { id: 'a' })];
    expect(approved(all, two)).toEqual(['a', 'grant of cleo']);
    expect(approved(all.toReversed(), two)).toEqual(['a', 'grant of cleo']);
  });

  test('asks for no digest while there are too few grants to matter', () => {
    const digest = () => {
      throw new Error('asked');
    };
    expect(approved([grant('bob')], two, { actionDigest: digest })).toBeUndefined();
  });
});

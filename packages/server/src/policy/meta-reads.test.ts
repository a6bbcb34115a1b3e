/** A member that is read and not named would let one answer stand for questions that differ. */
import type { PolicyInfo } from '@sealrail/sdk';
import { describe, expect, test } from 'vitest';
import { policyInfo } from '../../../sdk/testing/sql.ts';
import { metaReads } from './meta-reads.ts';

const reading = (condition: string, more: Partial<PolicyInfo> = {}) =>
  metaReads([
    policyInfo('p', {
      text: `forbid (principal, action, resource) when { ${condition} };`,
      ...more,
    }),
  ]);

describe('what a set reads of meta', () => {
  test.each([
    ['true', []],
    ['context.sql.scope == Scope::"none"', []],
    ['context.meta.hour > 3', ['hour']],
    [
      'if principal is Human then context.meta.hour > 3 else context.meta.caller.hops == 0',
      ['hour', 'caller'],
    ],
    ['context.meta has purpose && context.meta.purpose like "x*"', ['purpose']],
    ['context has meta.ticket', ['ticket']],
    ['[1, context.meta.history.calls1m].contains(2)', ['history']],
    ['{ a: context.meta.weekday }.a == 1', ['weekday']],
    ['principal.trust < 0 || resource in context.meta.caller.agents', ['caller']],
  ])('%s', (condition, names) => {
    expect([...(reading(condition) ?? ['all'])]).toEqual(names);
  });

  test.each([
    'context.meta == context.meta',
    'context == context',
    '{ a: context }.a.meta.hour == 1',
    'context has meta',
  ])('is all of it in %s', (condition) => {
    expect(reading(condition)).toBeUndefined();
  });

  test('counts what a rate costs', () => {
    expect([
      ...(reading('true', { annotations: { cost: 'context.meta.detected.bytes' } }) ?? []),
    ]).toEqual(['detected']);
    expect(reading('true', { annotations: { cost: 'no expression (' } })).toBeUndefined();
  });
});

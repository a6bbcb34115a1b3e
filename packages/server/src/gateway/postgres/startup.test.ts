import { describe, expect, test } from 'vitest';
import { cstring, frame, int32, ProtocolError } from './frame.ts';
import { parseStartup, Refusal, type SessionOpening } from './startup.ts';

const packet = (version: number, ...pairs: readonly string[]) =>
  Buffer.concat([int32(version), ...pairs.map(cstring), Buffer.of(0)]);
const V3 = 3 << 16;

function session(...pairs: readonly string[]): SessionOpening {
  const opening = parseStartup(packet(V3, 'user', 'svc', ...pairs));
  if (opening.kind !== 'session') throw new Error('not a session');
  return opening;
}

const refusal = (parse: () => unknown): string => {
  try {
    parse();
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
  return 'let through';
};

test('the database is the name of the user where none is given', () => {
  expect(session()).toMatchObject({ user: 'svc', database: 'svc', minor: 0 });
  expect(session('database', 'shop').database).toBe('shop');
});

describe('settings', () => {
  test('what changes no meaning passes, by its own name and in options', () => {
    const options = '-c statement_timeout=5000 --lock-timeout=10 -cjit=off';
    const { settings } = session('DateStyle', 'ISO', 'options', options);
    expect([...settings].sort()).toEqual([
      ['datestyle', 'ISO'],
      ['jit', 'off'],
      ['lock_timeout', '10'],
      ['statement_timeout', '5000'],
    ]);
  });

  test.each([
    ['options', '-c standard_conforming_strings=off'],
    ['options', '--search_path=evil'],
    ['options', '-c role=postgres'],
    ['options', '-c\\ x=y'],
    ['options', '-c statement_timeout=5\\ -c\\ role=postgres'],
    ['options', '-c'],
    ['options', '-E'],
    ['standard_conforming_strings', 'off'],
    ['search_path', 'evil'],
    ['session_authorization', 'postgres'],
    ['OPTIONS', '-c role=postgres'],
    ['replication', 'database'],
    ['replication', 'true'],
  ])('%s=%s is refused', (name, value) => {
    expect(refusal(() => session(name, value))).toBe('42501');
  });

  test('no replication is what everybody asks for', () => {
    for (const value of ['', 'off', 'false', '0'])
      expect(session('replication', value)).toBeTruthy();
  });
});

describe('versions', () => {
  const opened = (minor: number, ...pairs: readonly string[]) => {
    const opening = parseStartup(packet(V3 | minor, 'user', 'svc', ...pairs));
    if (opening.kind !== 'session') throw new Error('not a session');
    return { minor: opening.minor, negotiation: opening.negotiation };
  };

  test('3.0 and 3.2 are spoken as they are', () => {
    expect(opened(0)).toEqual({ minor: 0, negotiation: undefined });
    expect(opened(2)).toEqual({ minor: 2, negotiation: undefined });
  });

  test('a newer or greased one, and extensions, are declined by name, and the session goes on', () => {
    const grease = opened(9999, '_pq_.test_protocol_negotiation', '');
    expect(grease.minor).toBe(2);
    expect(grease.negotiation).toEqual(
      frame('v', int32(V3 | 2), int32(1), cstring('_pq_.test_protocol_negotiation')),
    );
    expect(opened(1)).toEqual({ minor: 0, negotiation: frame('v', int32(V3), int32(0)) });
  });

  test.each([2 << 16, 4 << 16, 0])('version %i is refused as PostgreSQL does', (version) => {
    expect(refusal(() => parseStartup(packet(version, 'user', 'svc')))).toBe('0A000');
  });
});

test('a cancel request is read whole, whatever the length of its key', () => {
  const key = Buffer.alloc(32, 7);
  const request = Buffer.concat([int32(80_877_102), int32(4711), key]);
  expect(parseStartup(request)).toEqual({ kind: 'cancel', pid: 4711, key });
});

test('no name is refused, and bytes behind the end are malformed', () => {
  expect(refusal(() => parseStartup(packet(V3)))).toBe('28000');
  const trailing = Buffer.concat([packet(V3, 'user', 'svc'), Buffer.from('x')]);
  expect(() => parseStartup(trailing)).toThrow(ProtocolError);
});

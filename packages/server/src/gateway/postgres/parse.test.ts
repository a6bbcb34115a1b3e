import { TEXT_BYTES_MAX } from '@sealrail/facts';
import { describe, expect, test } from 'vitest';
import { openParser, SERVER_LINES, serverLine, unsupportedServer } from './parse.ts';

const parse = await openParser(18);

describe('the parser', () => {
  test('gives a tree for every supported line of PostgreSQL', async () => {
    for (const line of SERVER_LINES) {
      const own = await openParser(line);
      const outcome = own('SELECT 1; SELECT 2');
      expect(outcome.kind).toBe('tree');
      if (outcome.kind !== 'tree') continue;
      expect(outcome.stmts).toHaveLength(2);
      expect(Math.floor(outcome.version / 10_000)).toBe(line);
    }
  });

  test('knows the grammar of its own line and not of a later one', async () => {
    const returning = 'MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE RETURNING t.id';
    const fifteen = await openParser(15);
    expect(fifteen(returning).kind).toBe('syntax-error');
    expect(parse(returning).kind).toBe('tree');
  });

  test('answers an empty text and one of comments with no statement, as the server does', () => {
    for (const text of ['', ' ', ';', '-- nothing', '/* nothing */ ;;']) {
      expect(parse(text)).toMatchObject({ kind: 'tree', stmts: [] });
    }
  });

  test('counts the position of an error in characters, from 1', () => {
    expect(parse('SELECT 1 x y')).toEqual({
      kind: 'syntax-error',
      message: 'syntax error at or near "y"',
      position: 12,
    });
    expect(parse("SELECT '€€€' x y")).toMatchObject({ position: 16 });
    expect(parse("SELECT '😀' x y")).toMatchObject({ position: 14 });
    expect(parse('SELEC 1')).toMatchObject({ position: 1 });
  });

  test('still works after a hundred expressions that overflow its stack', {
    timeout: 60_000,
  }, async () => {
    const own = await openParser(18);
    const deep = `SELECT ${Array.from({ length: 20_000 }, () => '1').join('+')}`;
    for (let round = 0; round < 100; round++) {
      expect(own(deep)).toMatchObject({ kind: 'fault', doubt: 'too-deep' });
      expect(own('SELECT 1').kind).toBe('tree');
      await own.ready();
    }
    expect(own.faults).toBe(100);
  });

  test('denies while no instance is left, and recovers', async () => {
    const own = await openParser(18);
    const deep = `SELECT ${Array.from({ length: 20_000 }, () => '1').join('+')}`;
    own(deep);
    own(deep);
    expect(own('SELECT 1')).toMatchObject({ kind: 'fault', doubt: 'too-deep' });
    await own.ready();
    expect(own('SELECT 1').kind).toBe('tree');
  });

  test('bounds the text in bytes', () => {
    const text = (bytes: number) => `SELECT '${'é'.repeat((bytes - 10) / 2)}' `;
    expect(Buffer.byteLength(text(TEXT_BYTES_MAX))).toBe(TEXT_BYTES_MAX);
    expect(parse(text(TEXT_BYTES_MAX)).kind).toBe('tree');
    expect(parse(text(TEXT_BYTES_MAX + 2))).toMatchObject({ kind: 'fault', doubt: 'too-large' });
  });

  test('takes half a UTF-16 pair for what it is', () => {
    expect(parse("SELECT '\ud83d'")).toMatchObject({ kind: 'fault', doubt: 'encoding' });
  });
});

describe('the server line', () => {
  test('is the major version, and unknown for any that has no grammar here', () => {
    expect(serverLine('18.4')).toBe(18);
    expect(serverLine('15.18 (Debian 15.18-0+deb12u1)')).toBe(15);
    expect(serverLine('18beta1')).toBe(18);
    expect(serverLine('14.2')).toBeUndefined();
    expect(serverLine('19.0')).toBeUndefined();
    expect(serverLine('')).toBeUndefined();
    expect(unsupportedServer('14.2')).toContain('15 to 18');
  });
});

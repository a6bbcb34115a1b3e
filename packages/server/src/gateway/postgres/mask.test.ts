import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CONSTANT, HASH_LENGTH, HASH_LENGTH_MIN, maskFor } from './mask.ts';
import type { ResultField } from './row-description.ts';

const key = Buffer.alloc(32, 7);
const field = (type: number, more: Partial<ResultField> = {}): ResultField => ({
  relation: 1,
  column: 1,
  type,
  modifier: -1,
  binary: false,
  ...more,
});
const [TEXT, VARCHAR, BPCHAR, INT4, INT8, UUID, BYTEA, JSONB] = [
  25, 1043, 1042, 23, 20, 2950, 17, 3802,
] as const;
const varchar = (length: number) => field(VARCHAR, { modifier: length + 4 });
const shown = (
  of: ResultField,
  method: 'null' | 'constant' | 'hash' | 'partial',
  value: string | undefined,
): string | undefined =>
  maskFor(of, { method, key })(value === undefined ? undefined : Buffer.from(value))?.toString();

describe('a masked value', () => {
  test('null hides every value', () => {
    expect(shown(field(TEXT), 'null', 'ada@example.org')).toBeUndefined();
  });

  test('a constant is the same for every value and for none, and as long as its column allows', () => {
    expect(shown(field(TEXT), 'constant', 'ada')).toBe(CONSTANT);
    expect(shown(field(TEXT), 'constant', undefined)).toBe(CONSTANT);
    expect(shown(varchar(2), 'constant', 'ad')).toBe('••');
    expect(shown(field(BPCHAR, { modifier: 9 }), 'constant', 'ad   ')).toBe('•••  ');
    expect(shown(field(INT4), 'constant', '5')).toBeUndefined();
    expect(shown(field(UUID), 'constant', 'x')).toBe('00000000-0000-0000-0000-000000000000');
    expect(shown(field(JSONB), 'constant', '{}')).toBe(`"${CONSTANT}"`);
  });

  test('partial keeps a domain or an end, never more than a third, and nothing of what is short', () => {
    expect(shown(field(TEXT), 'partial', 'ada@example.org')).toBe('a•••@example.org');
    expect(shown(field(TEXT), 'partial', '+49 30 1234567')).toBe('•••4567');
    expect(shown(field(TEXT), 'partial', 'ab')).toBe(CONSTANT);
    expect(shown(field(TEXT), 'partial', undefined)).toBeUndefined();
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        if (text.includes('@')) return;
        const kept = shown(field(TEXT), 'partial', text)?.slice(CONSTANT.length) ?? '';
        expect([...kept].length * 3).toBeLessThanOrEqual([...text].length);
      }),
    );
  });

  test('equal texts hash equally whatever their type, others do not, nor under another key', () => {
    const hash = shown(field(TEXT), 'hash', 'ada');
    const hmac = createHmac('sha256', key).update('text\0ada').digest('base64url');
    expect(hash).toBe(`h_${hmac.slice(0, 22)}`);
    expect(hash?.length).toBe(HASH_LENGTH);
    expect(shown(field(VARCHAR), 'hash', 'ada')).toBe(hash);
    expect(shown(field(BPCHAR, { modifier: 34 }), 'hash', 'ada   ')?.trimEnd()).toBe(hash);
    expect(shown(field(TEXT), 'hash', 'Ada')).not.toBe(hash);
    const other = maskFor(field(TEXT), { method: 'hash', key: Buffer.alloc(32, 8) });
    expect(other(Buffer.from('ada'))?.toString()).not.toBe(hash);
    expect(shown(field(TEXT), 'hash', undefined)).toBeUndefined();
  });

  test('a column too short for a hash shows none, one that is long enough a cut one', () => {
    expect(shown(varchar(HASH_LENGTH_MIN), 'hash', 'ada')?.length).toBe(HASH_LENGTH_MIN);
    expect(shown(varchar(HASH_LENGTH_MIN - 1), 'hash', 'ada')).toBeUndefined();
    expect(shown(field(INT4), 'hash', '5')).toBeUndefined();
  });

  test('a hash is the same in text and in binary', () => {
    const both = (type: number, text: string, binary: Buffer) => {
      const asText = maskFor(field(type), { method: 'hash', key })(Buffer.from(text));
      const asBinary = maskFor(field(type, { binary: true }), { method: 'hash', key })(binary);
      return [asText?.toString(), asBinary] as const;
    };
    const [uuid, uuidBytes] = both(
      UUID,
      '01234567-89ab-cdef-0123-456789abcdef',
      Buffer.from('0123456789abcdef0123456789abcdef', 'hex'),
    );
    expect(uuid?.replaceAll('-', '')).toBe(uuidBytes?.toString('hex'));
    for (const text of ['\\x5c00ff', '\\\\\\000\\377']) {
      const [bytea, bytes] = both(BYTEA, text, Buffer.from([0x5c, 0, 0xff]));
      expect(bytea).toBe(`\\x${bytes?.toString('hex')}`);
    }
    const [int8, int8Bytes] = both(INT8, '-5', Buffer.from('fffffffffffffffb', 'hex'));
    expect(int8).toBe(String(int8Bytes?.readBigInt64BE()));
    expect(int8).toMatch(/^\d+$/);
  });
});

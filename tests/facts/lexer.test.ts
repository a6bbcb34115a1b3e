/** Our lexer against PostgreSQL's own scanner: a literal that only one of them sees is a value in the log. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { tokenize } from '../../packages/facts/src/sql/lexer.ts';
import { parseCases } from '../attacks/case.ts';
import { attacksFolder } from '../corpora.ts';
import { BENIGN, SHOP } from './benign.ts';

interface Scanned {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly tokenName: string;
}
interface Scanner {
  loadModule(): Promise<void>;
  scanSync(text: string): { tokens: Scanned[] };
}

const scanner = createRequire(import.meta.url)('libpg-query') as Scanner;
beforeAll(() => scanner.loadModule());

const isLiteral = ({ tokenName, text }: Scanned): boolean =>
  /^(SCONST|ICONST|FCONST)$/.test(tokenName) || /^(u&|[bx])'/i.test(text);

/** Ranges in UTF-8 bytes, which is what the scanner counts. */
function compare(text: string): void {
  const at = (offset: number) => Buffer.byteLength(text.slice(0, offset));
  const ours = tokenize(text)
    .filter(({ kind }) => ['string', 'number', 'bits', 'dollar'].includes(kind))
    .map(({ start, end }) => [at(start), at(end)] as const);
  for (const token of scanner.scanSync(text).tokens) {
    // `N'…'` is a keyword and a string to the scanner; to us one literal.
    if (/COMMENT/.test(token.tokenName) || /^n$/i.test(token.text)) continue;
    const inside = ours.some(([start, end]) => start <= token.start && token.end <= end);
    const touches = ours.some(([start, end]) => start < token.end && token.start < end);
    expect(
      isLiteral(token) ? inside : !touches,
      `${token.tokenName} ${token.text} in ${text}`,
    ).toBe(true);
  }
}

function scans(text: string): boolean {
  try {
    scanner.scanSync(text);
    return true;
  } catch {
    return false;
  }
}

describe('the lexer', () => {
  test('sees the literals that PostgreSQL sees in ordinary statements and in attacks', () => {
    const attacks = parseCases(readFileSync(join(attacksFolder, 'cases.jsonl'), 'utf8'))
      .filter(({ surface, dialect }) => surface === 'sql' && dialect === 'postgres')
      .flatMap(({ steps }) => steps.flatMap(({ sql }) => (sql === undefined ? [] : [sql])));
    for (const text of [...BENIGN, SHOP, ...attacks].filter(scans)) compare(text);
  });

  test('and in random texts of the pieces that quoting is made of', () => {
    const piece = fc.constantFrom(
      ...[
        "'",
        "''",
        '"',
        '$$',
        '$a$',
        '$1',
        '\\',
        'E',
        "e'x'",
        "U&'x'",
        "b'1'",
        "x'F'",
        'n',
        '--',
        '/*',
      ],
      ...[
        '*/',
        '\n',
        ' ',
        '1',
        '.',
        '..',
        '0x1F',
        '1e5',
        '_',
        'a',
        'é',
        '😀',
        '+',
        '-',
        '*',
        '/',
        '@',
        ';',
        '(',
      ],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const text = pieces.join('');
        fc.pre(scans(text));
        compare(text);
      }),
      { numRuns: 3_000 },
    );
  });
});

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { FILE_LINES_MAX, untidy } from './tidy.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

describe('the house rules', () => {
  test('every file keeps them', () => {
    const paths = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
    })
      .split('\n')
      .filter((path) => /\.(ts|tsx)$/.test(path) && !/^tests\/tidy/.test(path));
    const files = paths.map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
    expect(files.length).toBeGreaterThan(20);
    expect(untidy(files).map(({ path, line, problem }) => `${path}:${line}: ${problem}`)).toEqual(
      [],
    );
  });

  const cases: readonly [string, string, string, RegExp][] = [
    [
      'facts may not import the SDK',
      'packages/facts/src/a.ts',
      "import { x } from '@sealrail/sdk';",
      /may not import @sealrail\/sdk/,
    ],
    [
      'tlog has no dependencies',
      'packages/tlog/src/log.ts',
      "import fc from 'fast-check';",
      /may not import fast-check/,
    ],
    [
      'a relative path does not cross packages',
      'packages/sdk/src/guard/a.ts',
      "import { x } from '../../../tlog/src/log.ts';",
      /across packages/,
    ],
    [
      'gateways do not import each other',
      'packages/server/src/gateway/http/a.ts',
      "import { x } from '../postgres/b.ts';",
      /gateway postgres/,
    ],
    [
      'the console imports only the verifier',
      'packages/console/src/a.ts',
      "import { x } from '@sealrail/sdk';",
      /only the verifier/,
    ],
    [
      'a re-export counts as an import',
      'packages/facts/src/a.ts',
      "export * from '@sealrail/tlog';",
      /may not import/,
    ],
    [
      'a dynamic import counts as an import',
      'packages/facts/src/a.ts',
      "const x = () => import('pg');",
      /may not import pg/,
    ],
    [
      'pure code has no clock',
      'packages/facts/src/a.ts',
      'const t = Date.now();',
      /pass the clock/,
    ],
    [
      'pure code has no randomness',
      'packages/sdk/src/guard/decide.ts',
      'const r = Math.random();',
      /pass the clock, the random/,
    ],
    [
      'pure code does no I/O',
      'packages/facts/src/a.ts',
      "import { readFileSync } from 'node:fs';",
      /take a port/,
    ],
    [
      'pure code does not wait',
      'packages/tlog/src/proof.ts',
      'export async function f() {}',
      /synchronous/,
    ],
    [
      'the verifier runs in a browser',
      'packages/tlog/src/verify/tree.ts',
      "import { createHash } from 'node:crypto';",
      /browser/,
    ],
    [
      'nothing is compiled from text',
      'packages/sdk/src/guard/a.ts',
      "const f = new Function('return 1');",
      /closures/,
    ],
    [
      'only the command line prints',
      'packages/server/src/daemon.ts',
      "console.log('hello');",
      /only the command line prints/,
    ],
    [
      'types are not switched off',
      'packages/server/src/daemon.ts',
      'const x = y as any;',
      /type it/,
    ],
    [
      'a focused test does not switch the rest off',
      'packages/tlog/src/a.test.ts',
      "test.only('x', () => {});",
      /remove \.only/,
    ],
    [
      'a file past the bound is split',
      'packages/tlog/src/a.ts',
      '\n'.repeat(FILE_LINES_MAX),
      /split the file/,
    ],
  ];
  test.each(cases)('%s', (_name, path, text, problem) => {
    expect(
      untidy([{ path, text }])
        .map((found) => found.problem)
        .join('\n'),
    ).toMatch(problem);
  });

  test('what is allowed passes: node: built-ins, lower layers, a file at the bound, words in comments', () => {
    expect(
      untidy([
        {
          path: 'packages/server/src/daemon.ts',
          text: "import { join } from 'node:path';\nimport { x } from '@sealrail/sdk';",
        },
        { path: 'packages/facts/src/a.ts', text: '// no Date.now() here\nexport const a = 1;' },
        { path: 'packages/tlog/src/a.ts', text: '\n'.repeat(FILE_LINES_MAX - 1) },
        {
          path: 'packages/tlog/src/verify/directory.ts',
          text: "import { readFile } from 'node:fs/promises';",
        },
      ]),
    ).toEqual([]);
  });
});

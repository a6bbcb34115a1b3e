/**
 * The house rules that a compiler does not know: which package may import which, which calls are banned
 * where and what to do instead, and how large a file may grow. Pure over a list of files, so that its
 * own negative cases can run on made-up ones.
 */

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Untidy {
  readonly path: string;
  readonly line: number;
  readonly problem: string;
}

export const FILE_LINES_MAX = 450;

/** From the ground up (DESIGN section 3): what each package may import besides node: and its own files. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  tlog: [],
  cedar: [],
  facts: ['re2js'],
  sdk: ['@sealrail/tlog', '@sealrail/cedar', '@sealrail/facts', '@cedar-policy/cedar-wasm'],
  server: [
    '@sealrail/tlog',
    '@sealrail/cedar',
    '@sealrail/facts',
    '@sealrail/sdk',
    '@hono/node-server',
    'hono',
    'libpg-query',
    'libpg-query-15',
    'libpg-query-16',
    'libpg-query-17',
    'pg',
    'yaml',
    'zod',
  ],
  console: ['@sealrail/tlog', 'react', 'react-dom', '@tanstack/*', '@base-ui/react'],
};

interface Ban {
  readonly where: (path: string) => boolean;
  readonly pattern: RegExp;
  readonly instead: string;
}

/** Pure code gets its world passed in, so that a simulation can replace it. */
const isPure = (path: string): boolean =>
  /^packages\/(facts|cedar)\/src\//.test(path) ||
  /^packages\/tlog\/src\/(merkle|proof|note|vkey|checkpoint|tile|bundle|receipt|sha256|hash)\.ts$/.test(
    path,
  ) ||
  /^packages\/sdk\/src\/(entry\/(canonical|entry|commitment)|guard\/(decide|decision))\.ts$/.test(
    path,
  );
const isBrowser = (path: string): boolean =>
  /^packages\/tlog\/src\/verify\/(?!directory|export)/.test(path) ||
  /^packages\/console\/src\//.test(path);
const isSource = (path: string): boolean => /^packages\/[^/]+\/src\//.test(path);

const BANS: readonly Ban[] = [
  {
    where: isPure,
    pattern:
      /\b(Date\.now|new Date\(\)|performance\.now|Math\.random|setTimeout|setInterval|process\.)/,
    instead: 'pass the clock, the random source or the setting in',
  },
  {
    where: (path) =>
      isPure(path) || /^packages\/tlog\/src\/verify\/(?!directory|export)/.test(path),
    pattern: /from 'node:(fs|net|http|https|child_process|worker_threads|os)/,
    instead: 'no I/O here: take a port (files, source, parse) as a parameter',
  },
  {
    where: isBrowser,
    pattern: /from 'node:/,
    instead: 'this runs in a browser: use the pure SHA-256 and the Verifier port',
  },
  {
    where: isPure,
    pattern: /\basync\b|\bawait\b/,
    instead: 'the pure core is synchronous: move the waiting to the caller',
  },
  {
    where: isSource,
    pattern: /\bnew Function\b|\beval\(/,
    instead: 'compile to closures',
  },
  {
    where: (path) => isSource(path) && !path.startsWith('packages/server/src/cli/'),
    pattern: /\bconsole\.(log|error|warn|info)\(/,
    instead: 'return the error or record a finding; only the command line prints',
  },
  {
    where: isSource,
    pattern: /\bexecSync\(|(?<!\.)\bexec\(\s*[`'"]|shell:\s*true/,
    instead: 'spawn a program with an argument list, never a shell',
  },
  {
    where: (path) => isSource(path),
    pattern: /@ts-(ignore|nocheck|expect-error)|biome-ignore|\bas any\b/,
    instead: 'type it: a switched-off check hides the next mistake too',
  },
  {
    where: () => true,
    pattern: /\b(describe|test|it)\.only\(/,
    instead: 'remove .only: it switches the rest of the suite off',
  },
];

/** From an import or a re-export, whose words before the path hold neither quotes nor parentheses nor `=`. */
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s(?:type\s)?[\w\s{},*$]*?\bfrom\s*['"]([^'"]+)['"]|(?:^|\n)\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;

function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier);
}

const allowed = (rules: readonly string[], name: string): boolean =>
  rules.some((rule) => (rule.endsWith('/*') ? name.startsWith(rule.slice(0, -1)) : rule === name));

function importProblems(file: SourceFile): Untidy[] {
  const owner = /^packages\/([^/]+)\/src\//.exec(file.path)?.[1];
  if (owner === undefined || file.path.endsWith('.test.ts')) return [];
  const problems: Untidy[] = [];
  for (const match of file.text.matchAll(IMPORT)) {
    const specifier = match[1] ?? match[2] ?? match[3] ?? '';
    const line = lineAt(file.text, match.index + match[0].indexOf(specifier));
    if (specifier.startsWith('.')) {
      const gateway = /^packages\/server\/src\/gateway\/([^/]+)\//.exec(file.path)?.[1];
      const target = new URL(specifier, `file:///${file.path}`).pathname.slice(1);
      if (!target.startsWith(`packages/${owner}/`)) {
        problems.push({
          path: file.path,
          line,
          problem: `imports ${specifier} across packages: use the package's name`,
        });
      }
      const other = /^packages\/server\/src\/gateway\/([^/]+)\//.exec(target)?.[1];
      if (gateway !== undefined && other !== undefined && gateway !== other) {
        problems.push({
          path: file.path,
          line,
          problem: `a gateway imports the gateway ${other}: share through gateway/ or sdk`,
        });
      }
    } else if (
      !specifier.startsWith('node:') &&
      !allowed(LAYERS[owner] ?? [], packageOf(specifier))
    ) {
      problems.push({
        path: file.path,
        line,
        problem: `packages/${owner} may not import ${specifier}: allowed are ${['node:*', ...(LAYERS[owner] ?? [])].join(', ')}`,
      });
    }
    if (
      owner === 'console' &&
      specifier.startsWith('@sealrail/') &&
      !/^@sealrail\/tlog(\/|$)/.test(specifier)
    ) {
      problems.push({
        path: file.path,
        line,
        problem: 'the console imports only the verifier of tlog',
      });
    }
  }
  return problems;
}

function banProblems(file: SourceFile): Untidy[] {
  if (file.path.endsWith('.test.ts') && isSource(file.path)) {
    return banned(
      file,
      BANS.filter((ban) => ban.where('tests/any.test.ts')),
    );
  }
  return banned(
    file,
    BANS.filter((ban) => ban.where(file.path)),
  );
}

function banned(file: SourceFile, bans: readonly Ban[]): Untidy[] {
  const problems: Untidy[] = [];
  file.text.split('\n').forEach((text, index) => {
    // Comments may name what is banned: that is where the reason stands.
    const code = text.replace(/^\s*(\*|\/\*|\/\/).*$/, '').replace(/\s\/\/\s.*$/, '');
    for (const ban of bans) {
      const found = ban.pattern.exec(code);
      if (found)
        problems.push({
          path: file.path,
          line: index + 1,
          problem: `${found[0].trim()}: ${ban.instead}`,
        });
    }
  });
  return problems;
}

function sizeProblems(file: SourceFile): Untidy[] {
  if (!isSource(file.path) || file.path.endsWith('.test.ts') || /\.generated\.ts$/.test(file.path))
    return [];
  const lines = file.text.split('\n').length;
  return lines > FILE_LINES_MAX
    ? [
        {
          path: file.path,
          line: FILE_LINES_MAX,
          problem: `${lines} lines hold more than one idea: split the file`,
        },
      ]
    : [];
}

/** Everything untidy in these files; empty is good. */
export function untidy(files: readonly SourceFile[]): Untidy[] {
  return files.flatMap((file) => [
    ...importProblems(file),
    ...banProblems(file),
    ...sizeProblems(file),
  ]);
}

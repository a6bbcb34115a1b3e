import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** As a user runs them: against the built package, which `npm test` builds first. */
const run = (code: string) =>
  execFileSync(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    encoding: 'utf8',
  });

test('each example of the README prints what stands below it', () => {
  const examples = [...readme.matchAll(/```js\n(.*?)```\n\n```text\n(.*?)```/gs)];
  expect(examples).toHaveLength([...readme.matchAll(/```js\n/g)].length);
  expect(examples.length).toBeGreaterThan(0);
  for (const [, code = '', output] of examples) expect(run(code)).toBe(output);
});

import { defineConfig } from 'vitest/config';

// Tests run against the sources, so that no stale build can hide a failure; whole-process tests
// (tests/**) start the built daemon, which `npm test` builds first.
const source = (name: string) => new URL(`./packages/${name}/src/`, import.meta.url).pathname;

export default defineConfig({
  resolve: {
    alias: [
      { find: /^@sealrail\/tlog\/verify$/, replacement: `${source('tlog')}verify/index.ts` },
      {
        find: /^@sealrail\/(tlog|cedar|facts|sdk)$/,
        replacement: `${new URL('./packages/', import.meta.url).pathname}$1/src/index.ts`,
      },
    ],
  },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'tests/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    reporters: ['default'],
  },
});

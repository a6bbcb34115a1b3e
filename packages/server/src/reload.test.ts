import { expect, test } from 'vitest';
import type { Config } from './config/config.ts';
import { immovable, rememberable } from './reload.ts';

const BASE = {
  file: '/etc/sealrail.yaml',
  log: { dir: '/data', key: 'signing-key' },
  api: { listen: { host: '127.0.0.1', port: 7070 } },
  users: [],
  targets: [
    {
      name: 'shop',
      mode: 'enforce',
      listen: { host: '127.0.0.1', port: 6432 },
      upstream: { host: 'db', password: 'upstream-password' },
    },
  ],
} as unknown as Config;

const [shop] = BASE.targets;
const withTarget = (more: object): Config =>
  ({ ...BASE, targets: [{ ...shop, ...more }] }) as unknown as Config;

test('modes, classes, users and policies change under running sessions', () => {
  expect(() => immovable(BASE, withTarget({ mode: 'observe', classes: {} }))).not.toThrow();
  const users = [{ name: 'alice' }] as unknown as Config['users'];
  expect(() => immovable(BASE, { ...BASE, users, policies: '/other' })).not.toThrow();
});

test.each<[string, Config]>([
  ['log', { ...BASE, log: { ...BASE.log, dir: '/other' } }],
  ['log.key', { ...BASE, log: { ...BASE.log, key: 'other-key' } }],
  ['api.listen', { ...BASE, api: { listen: { host: '127.0.0.1', port: 7071 } } }],
  ['target', { ...BASE, targets: [] }],
  ['target', withTarget({ name: 'store' })],
  ['target', withTarget({ listen: { host: '127.0.0.1', port: 1 } })],
  ['target', withTarget({ upstream: { host: 'db', password: 'new-password' } })],
])('%s takes a restart, and no secret is said', (what, after) => {
  expect(() => immovable(BASE, after)).toThrow(new RegExp(`${what}.* takes a restart`));
  try {
    immovable(BASE, after);
  } catch (error) {
    expect(String(error)).not.toMatch(/password|other-key/);
  }
});

test('policies that look further back than what is known take a restart, which reads it', () => {
  const config = { policies: '/policies' };
  expect(() => rememberable({ memoryMs: 60_000 }, 60_000, config)).not.toThrow();
  expect(() => rememberable({ memoryMs: 0 }, 0, config)).not.toThrow();
  expect(() => rememberable({ memoryMs: 60_001 }, 60_000, config)).toThrow(
    /look back for 61 s.*goes back for 60 s: this takes a restart/,
  );
});

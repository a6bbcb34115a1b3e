import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatSecretKey, secretKeyFromSeed } from '@sealrail/tlog';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { formatAddress, isLoopback, parseAddress } from './address.ts';
import { ConfigError } from './errors.ts';
import { loadConfig } from './load.ts';
import { scramVerifier } from './password.ts';
import { FILE_BYTES_MAX } from './source.ts';
import { loadUsers } from './users.ts';
import { warningsOf } from './warnings.ts';

const ORIGIN = 'example.com/test';
const KEY = formatSecretKey(secretKeyFromSeed(ORIGIN, new Uint8Array(32).fill(7)));
const SCRAM = scramVerifier('correct horse', Buffer.alloc(16, 1));

const GOOD = `log: { dir: ./data, state: ./state, origin: ${ORIGIN}, key: file:./log.key }
targets:
  shop:
    kind: postgres
    env: prod
    mode: { enforce: [agents] }
    listen: 127.0.0.1:6432
    upstream: { url: postgres://role@127.0.0.1:5432/shop, password: env:SHOP_PASSWORD }
    classes: { personal: [customers.email, sales.leads.phone] }
`;
const USERS = `users:
  alice: { type: human, groups: [analysts], scram: "${SCRAM}" }
`;
const ENV = { SHOP_PASSWORD: 'upstream secret' };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sealrail-config-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string, mode = 0o600): string => {
  const path = join(folder, name);
  rmSync(path, { recursive: true, force: true });
  writeFileSync(path, text);
  // Not by writeFileSync's own mode, which the umask narrows.
  chmodSync(path, mode);
  return path;
};

beforeEach(() => {
  write('log.key', `${KEY}\n`);
  write('users.yaml', USERS);
});

/** What is wrong with this file, as people see it, without the folder's name. */
async function problemsOf(text: string, env: Record<string, string> = ENV): Promise<string> {
  const file = write('sealrail.yaml', text);
  try {
    await loadConfig(file, env);
    return 'nothing';
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.replaceAll(`${folder}/`, '');
  }
}
const changed = (from: string | RegExp, to: string): Promise<string> => {
  const text = GOOD.replace(from, to);
  if (text === GOOD) throw new Error('the test changes nothing');
  return problemsOf(text);
};

describe('a configuration', () => {
  test('becomes absolute paths, resolved secrets and qualified columns', async () => {
    const config = await loadConfig(write('sealrail.yaml', GOOD), ENV);
    expect(config.log).toEqual({
      dir: join(folder, 'data'),
      state: join(folder, 'state'),
      origin: ORIGIN,
      key: KEY,
      durability: 'sync',
      values: 'commit',
    });
    expect(config.targets).toEqual([
      {
        kind: 'postgres',
        name: 'shop',
        env: 'prod',
        mode: { enforce: ['agents'] },
        listen: { host: '127.0.0.1', port: 6432 },
        upstream: {
          host: '127.0.0.1',
          port: 5432,
          user: 'role',
          database: 'shop',
          password: 'upstream secret',
          accept: [],
        },
        classes: { personal: ['public.customers.email', 'sales.leads.phone'] },
      },
    ]);
    expect(config.users).toEqual([
      { name: 'alice', type: 'human', groups: ['analysts'], roles: [], scram: SCRAM },
    ]);
    expect(config.policies).toBe(join(folder, 'policies'));
    expect(config.api.listen).toEqual({ host: '127.0.0.1', port: 7070 });
  });

  test('that says nothing of a mode observes: nobody is blocked by installing this', async () => {
    const text = GOOD.replace('    mode: { enforce: [agents] }\n', '');
    const { targets } = await loadConfig(write('sealrail.yaml', text), ENV);
    expect(targets[0]?.mode).toBe('observe');
  });

  test('has a digest that holds no secret, and changes with a password, a user and a mode', async () => {
    const digest = async (text: string, users = USERS, env = ENV): Promise<string> => {
      write('users.yaml', users);
      const config = await loadConfig(write('sealrail.yaml', text), env);
      expect(config.canonical).not.toContain(KEY);
      expect(config.canonical).not.toContain('upstream secret');
      expect(config.canonical).not.toContain(SCRAM.slice(30));
      return config.digest;
    };
    const base = await digest(GOOD);
    expect(await digest(`# a comment\n${GOOD}`)).toBe(base);
    expect(await digest(GOOD, USERS, { SHOP_PASSWORD: 'rotated' })).toBe(base);
    const others = [
      await digest(GOOD.replace('{ enforce: [agents] }', 'enforce')),
      await digest(GOOD, USERS.replace('analysts', 'dba')),
      await digest(GOOD, USERS.replace(SCRAM, scramVerifier('another password'))),
    ];
    expect(new Set([base, ...others]).size).toBe(4);
  });
});

describe('what is wrong is said with its place and what to do', () => {
  test.each<[string, string | RegExp, string, string]>([
    [
      'a misspelled key',
      'origin:',
      'orign:',
      'sealrail.yaml:1:6: log.origin is missing\nsealrail.yaml:1:37: unknown key "orign"\n  hint: did you mean "origin"?',
    ],
    [
      'a misspelled top key',
      'targets:',
      'target:',
      'sealrail.yaml:1:1: targets is missing\nsealrail.yaml:2:1: unknown key "target"\n  hint: did you mean "targets"?',
    ],
    [
      'a key that nothing resembles',
      '    env: prod',
      '    env: prod\n    frobnicate: 1',
      'sealrail.yaml:6:5: unknown key "frobnicate"\n  hint: known here: kind, env, mode, listen, tls, upstream, classes',
    ],
    [
      'a key twice',
      '    env: prod',
      '    env: prod\n    env: dev',
      'sealrail.yaml:6:5: Map keys must be unique',
    ],
    [
      'a word that is none of those known',
      'env: prod',
      'env: production',
      'sealrail.yaml:5:10: targets.shop.env must be dev, test, staging or prod',
    ],
    [
      'a mode that does not exist',
      '{ enforce: [agents] }',
      'enforced',
      'sealrail.yaml:6:11: targets.shop.mode: must be observe, enforce, or { enforce: [GROUP, …] }',
    ],
    [
      'a list where a text belongs',
      'origin: example.com/test',
      'origin: [1]',
      'sealrail.yaml:1:45: log.origin must be a text',
    ],
    [
      'a target name that no policy could use',
      '  shop:',
      '  "shop; drop":',
      'sealrail.yaml:3:3: targets.shop; drop: a name has letters, digits, _ . or -',
    ],
    [
      'a name that readers drop without a word',
      '  shop:',
      '  __proto__:',
      'sealrail.yaml:3:3: "__proto__" is no name',
    ],
    [
      'YAML that does not parse',
      '    env: prod',
      '   env: prod',
      'sealrail.yaml:5:1: All mapping items must start at the same column',
    ],
    [
      'an alias, which could make a small file a large one',
      'env: prod',
      'env: &e prod\n    kind2: *e',
      'sealrail.yaml:6:12: aliases are not supported',
    ],
    [
      'a port that does not exist',
      '127.0.0.1:6432',
      '127.0.0.1:65536',
      'sealrail.yaml:7:13: targets.shop.listen must be HOST:PORT, with a port from 1 to 65535\n  hint: 127.0.0.1:6432',
    ],
    [
      'a listener that other machines reach',
      '127.0.0.1:6432',
      '0.0.0.0:6432',
      'sealrail.yaml:7:13: targets.shop.listen: 0.0.0.0:6432 is reachable from other machines, and the target has no tls\n  hint: tls: { cert: file:PATH, key: file:PATH }, or 127.0.0.1 and a tunnel for others',
    ],
    [
      'a console that other machines reach',
      'targets:',
      'api: { listen: 127.example.org:7070 }\ntargets:',
      'sealrail.yaml:2:16: api.listen: 127.example.org:7070 is reachable from other machines, and the console has no login yet\n  hint: 127.0.0.1:7070, and a tunnel for others',
    ],
    [
      'two listeners on one address',
      'targets:',
      'api: { listen: 127.0.0.1:6432 }\ntargets:',
      'sealrail.yaml:8:13: 127.0.0.1:6432 is that of api.listen already',
    ],
    [
      'a gateway that leads to itself',
      'role@127.0.0.1:5432',
      'role@localhost:6432',
      'sealrail.yaml:8:22: upstream.url leads back to this gateway (127.0.0.1:6432)\n  hint: name the address of the database itself',
    ],
    [
      'a password in clear',
      'env:SHOP_PASSWORD',
      'hunter2',
      'sealrail.yaml:8:69: targets.shop.upstream.password: a secret stands here in clear\n  hint: write env:NAME, file:PATH or exec:PROGRAM instead, and change the secret: it was readable',
    ],
    [
      'a password in the URL',
      'role@127',
      'role:hunter2@127',
      'sealrail.yaml:8:22: upstream.url holds a password in clear\n  hint: write it as password: env:NAME, file:PATH or exec:PROGRAM, and change it: it was readable',
    ],
    [
      'a secret that is not there',
      'SHOP_PASSWORD',
      'NO_SUCH',
      'sealrail.yaml:8:69: targets.shop.upstream.password: the environment variable NO_SUCH is not set\n  hint: set NO_SUCH, or use file:PATH',
    ],
    [
      'parameters of a URL, which would be ignored',
      '5432/shop',
      '5432/shop?sslmode=require',
      'sealrail.yaml:8:22: upstream.url has parameters, which would be ignored\n  hint: it looks like postgres://role@host:5432/database',
    ],
    [
      'another scheme',
      'postgres://',
      'mysql://',
      'sealrail.yaml:8:22: upstream.url begins with mysql://\n  hint: it looks like postgres://role@host:5432/database',
    ],
    [
      'a URL without a role',
      'role@127',
      '127',
      'sealrail.yaml:8:22: upstream.url names no host, role or database\n  hint: it looks like postgres://role@host:5432/database',
    ],
    [
      'an authority that verifies nothing',
      'env:SHOP_PASSWORD',
      'env:SHOP_PASSWORD, tls: disable, ca: file:ca.pem',
      'sealrail.yaml:8:106: upstream.ca verifies nothing where upstream.tls is disable\n  hint: leave one of them out',
    ],
    [
      'an authority that is not there',
      'env:SHOP_PASSWORD',
      'env:SHOP_PASSWORD, ca: file:nowhere.pem',
      'sealrail.yaml:8:92: targets.shop.upstream.ca: nowhere.pem cannot be read: ENOENT\n  hint: it has to exist, readable by the user that runs Sealrail',
    ],
    [
      'an authority that is no certificate',
      'env:SHOP_PASSWORD',
      'env:SHOP_PASSWORD, ca: file:users.yaml',
      'sealrail.yaml:8:92: targets.shop.upstream.ca holds no certificate\n  hint: PEM, -----BEGIN CERTIFICATE-----',
    ],
    [
      'roles, which there are none of yet',
      'env:SHOP_PASSWORD',
      'env:SHOP_PASSWORD, role: { dba: shop_dba }',
      'sealrail.yaml:8:94: upstream.role is not supported by this version\n  hint: leave it out: every principal uses the role of upstream.url',
    ],
    [
      'a witness policy that is not there',
      'origin:',
      'witnesses: { policy: w }, origin:',
      'sealrail.yaml:1:58: log.witnesses.policy: w cannot be read: ENOENT',
    ],
    [
      'a login that there is none of yet',
      'targets:',
      'identity: { oidc: { issuer: https://id.example.com } }\ntargets:',
      'sealrail.yaml:2:19: identity.oidc is not supported by this version\n  hint: leave it out, and list users in users.yaml',
    ],
    [
      'a privilege that nobody knows',
      'env:SHOP_PASSWORD',
      'env:SHOP_PASSWORD, accept: [root]',
      'sealrail.yaml:8:97: targets.shop.upstream.accept.0 must be superuser, bypassrls, createrole, replication, pg_read_server_files, pg_write_server_files, pg_execute_server_program, pg_signal_backend or create_in_search_path',
    ],
    [
      'a column that names no table',
      'customers.email',
      'email',
      'sealrail.yaml:9:27: "email" names no column\n  hint: table.column or schema.table.column',
    ],
    [
      'a state folder that a restored copy of the data would bring along',
      './state',
      './data/state',
      'sealrail.yaml:1:28: log.state lies within log.dir: a rollback of one would be a rollback of both\n  hint: keep it elsewhere, if possible on another disk',
    ],
    [
      'the key of another log',
      'example.com/test',
      'example.com/prod',
      'sealrail.yaml:1:68: log.key is the key of example.com/test, and log.origin is example.com/prod\n  hint: a log and its key have one name, which never changes',
    ],
    [
      'an origin that no witness would take',
      'example.com/test',
      'a+b',
      'sealrail.yaml:1:45: log.origin: "a+b" is no origin\n  hint: such as example.com/prod: no scheme, no white space, no +\nsealrail.yaml:1:55: log.key is the key of example.com/test, and log.origin is a+b\n  hint: a log and its key have one name, which never changes',
    ],
  ])('%s', async (_name, from, to, expected) => {
    expect(await changed(from, to)).toBe(expected);
  });

  test('everything at once, not only the first of it', async () => {
    const found = await problemsOf(
      GOOD.replace('127.0.0.1:6432', '0.0.0.0:6432').replace('customers.email', 'email'),
      {},
    );
    expect(found.split('\n').filter((line) => line.startsWith('sealrail.yaml:'))).toHaveLength(3);
  });

  test('a key that is no key, without showing what stands in it', async () => {
    write('log.key', 'PRIVATE+KEY+example.com/test+00000000+c2VjcmV0\n');
    const found = await problemsOf(GOOD);
    expect(found).toContain('log.key is no signing key');
    expect(found).not.toContain('c2VjcmV0');
  });

  test.each([
    ['', 'sealrail.yaml:1:1: log is missing\nsealrail.yaml:1:1: targets is missing'],
    ['- a', 'sealrail.yaml:1:1: the file must be a section with keys'],
    [
      'a: 1\n---\nb: 2',
      'sealrail.yaml:2:1: Source contains multiple documents; please use YAML.parseAllDocuments()',
    ],
    [
      `${GOOD.slice(0, GOOD.indexOf('  shop:'))}  {}\n`,
      'sealrail.yaml:3:3: targets names nothing to guard\n  hint: sealrail init shows a target',
    ],
  ])('a file that holds %j', async (text, expected) => {
    expect(await problemsOf(text)).toBe(expected);
  });

  test('a file that is not there, is a folder, is too large or may be written by everybody', async () => {
    const load = (name: string) => loadConfig(join(folder, name), ENV);
    await expect(load('nowhere.yaml')).rejects.toThrow(/there is no such file[\s\S]*sealrail init/);
    mkdirSync(join(folder, 'folder.yaml'));
    await expect(load('folder.yaml')).rejects.toThrow('is no file');
    write('large.yaml', `${GOOD}#${'x'.repeat(FILE_BYTES_MAX)}`);
    await expect(load('large.yaml')).rejects.toThrow(/at most 1048576/);
    write('exact.yaml', `${GOOD}#`.padEnd(FILE_BYTES_MAX, 'x'));
    await expect(load('exact.yaml')).resolves.toBeDefined();
    write('open.yaml', GOOD, 0o666);
    await expect(load('open.yaml')).rejects.toThrow(/can be written by everybody[\s\S]*chmod o-w/);
  });
});

test('what hardly was meant is said, and keeps nobody from starting', async () => {
  const load = async (text: string) =>
    warningsOf(await loadConfig(write('sealrail.yaml', text), ENV));
  expect(await load(GOOD)).toEqual(['target shop enforces for agents, and nobody is in there']);
  write('users.yaml', USERS.replace('analysts', 'agents'));
  expect(await load(GOOD)).toEqual([]);
  expect(
    await load(GOOD.replace('env:SHOP_PASSWORD', 'env:SHOP_PASSWORD, accept: [superuser]')),
  ).toEqual(['target shop accepts an upstream role with superuser']);
});

describe('users.yaml', () => {
  const problems = (text: string): string => {
    try {
      loadUsers(write('users.yaml', text));
      return 'nothing';
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error.message.replaceAll(`${folder}/`, '');
    }
  };

  test('refuses a name twice: the second would silently win', () => {
    expect(problems(`${USERS}  alice: { type: agent, scram: "${SCRAM}" }\n`)).toMatch(
      /^users\.yaml:3:3: Map keys must be unique/,
    );
  });

  test('refuses a password where a verifier belongs', () => {
    expect(problems('users:\n  bob: { type: human, scram: hunter2 }\n')).toBe(
      'users.yaml:2:30: users.bob.scram is no SCRAM-SHA-256 verifier\n  hint: passwords do not stand here: sealrail users add NAME makes a verifier',
    );
  });

  test.each(['a b', 'a,b', 'a=b', 'a\u001b[31m', '__proto__'])('refuses the name %j', (name) => {
    expect(
      problems(`users:\n  ${JSON.stringify(name)}: { type: human, scram: "${SCRAM}" }\n`),
    ).toMatch(/^users\.yaml:2:3: .*(no name|a user name has no spaces)/);
  });

  test('refuses a type that policies do not know, with a key that nobody knows', () => {
    expect(problems(`users:\n  bob: { type: robot, group: [a], scram: "${SCRAM}" }\n`)).toBe(
      'users.yaml:2:16: users.bob.type must be human, service or agent\nusers.yaml:2:23: unknown key "group"\n  hint: did you mean "groups"?',
    );
  });

  test('may name nobody yet', () => {
    expect(problems('users: {}\n')).toBe('nothing');
  });
});

describe('addresses', () => {
  test.each([
    ['127.0.0.1:1', '127.0.0.1', 1],
    ['localhost:65535', 'localhost', 65_535],
    ['[::1]:6432', '::1', 6432],
  ])('%s is one, and reads back', (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port });
    expect(formatAddress({ host, port })).toBe(text);
  });

  test.each([
    '127.0.0.1',
    ':6432',
    '127.0.0.1:0',
    '127.0.0.1:65536',
    '::1:6432',
    '[::g]:1',
    'a b:1',
  ])('%s is none', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  test('a name that only looks like a loopback address is none', () => {
    expect(['127.0.0.1', '127.1.2.3', '::1', 'localhost'].every(isLoopback)).toBe(true);
    expect(['127.example.org', '127.0.0.1.example.org', '0.0.0.0', '::'].some(isLoopback)).toBe(
      false,
    );
  });
});

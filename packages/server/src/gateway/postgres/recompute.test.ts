/** What the gateway records is enough to decide again: without that, a log proves what was said and not why. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Json as CedarJson, recordFromJson } from '@sealrail/cedar';
import { readSql } from '@sealrail/facts';
import {
  type DecisionEntry,
  inputsFrom,
  isAction,
  judge,
  loadPolicySet,
  loggedAction,
  openGuard,
  parseEntry,
  recheckDecision,
  schemaText,
  withPayloads,
} from '@sealrail/sdk';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BENIGN } from '../../../../../tests/facts/benign.ts';
import { memoryCatalog } from '../../../../../tests/facts/catalog.ts';
import { recorderForTest } from '../../../../sdk/testing/recorder.ts';
import type { User } from '../../config/config.ts';
import { sqlAct } from './action.ts';
import { openParser } from './parse.ts';

const parse = await openParser(18);
const catalog = memoryCatalog();
const root = fileURLToPath(new URL('../../../../..', import.meta.url));
const read = (path: string): string => readFileSync(root + path, 'utf8');

const folder = 'packages/server/policies/';
const files = readdirSync(root + folder)
  .filter((name) => name.endsWith('.cedar'))
  .map((name) => ({ name, text: read(folder + name) }));

const ATTACKS = read('tests/corpora/attacks/cases.jsonl')
  .split('\n')
  .flatMap((line) => [...line.matchAll(/"sql":("(?:[^"\\]|\\.)*")/g)])
  .map(([, text = '""']) => JSON.parse(text) as string);
/** Every kind of resource, more than one statement, and members too large to stand in the entry. */
const OTHERS = [
  '',
  'BEGIN; DELETE FROM notes WHERE id = 1; COMMIT',
  'CREATE SCHEMA s; DROP TABLE notes',
  'TRUNCATE users, notes',
  'VACUUM FULL notes',
  'COPY users TO STDOUT',
  'SELECT * FROM users, notes, people LIMIT 3',
  `SELECT ${Array.from({ length: 700 }, (_, i) => `abs(id) AS a${i}`).join(', ')} FROM users`,
  `SELECT id FROM users WHERE ${Array.from({ length: 900 }, (_, i) => `id <> ${i}`).join(' AND ')}`,
];
const TEXTS = [...new Set([...BENIGN, ...ATTACKS, ...OTHERS])];

const name = fc.constantFrom('ann', 'svc-1', 'Odd "Name"', '__proto__', 'constructor');
const groups = fc.subarray(['analysts', 'writers', 'agents', 'dba', 'security', '__proto__']);
const user: fc.Arbitrary<User> = fc.record({
  name,
  type: fc.constantFrom('human', 'service', 'agent'),
  groups,
  roles: groups,
  scram: fc.constant(''),
});

describe('an entry of the gateway', () => {
  test('is decided again to what it says, from itself and the blobs that it names', async () => {
    const set = loadPolicySet(files, schemaText());
    if (Array.isArray(set)) throw new Error(JSON.stringify(set));
    const { log, sideStore, recorder } = recorderForTest();
    const guard = openGuard({ recorder, policySet: set });
    let recomputed = 0;
    let moved = 0;
    const check = async (text: string, who: User, inTransaction: boolean, target: string) => {
      const act = sqlAct({
        reading: readSql({ text, parse, catalog }),
        user: who,
        target: { name: target, env: 'prod', classes: { personal: ['public.users.ssn'] } },
        session: 's1',
        inTransaction,
        text,
        nowMs: 1_764_072_000_000 + text.length,
        ...(inTransaction ? { ip: '10.0.0.7' } : {}),
        catalog,
      });
      const principal = { type: who.type, id: who.name, proof: 'scram' } as const;
      const { durable, decision } = guard.decide({ ...act, target, mode: 'enforce', principal });
      const entry = log.read(await durable) as DecisionEntry;
      const blobs = (digest: string) => sideStore.blobs.get(digest);
      const action = loggedAction(entry, blobs);
      if (decision.code === 'not-understood') {
        expect(action).toBe('not-understood');
        return;
      }
      if (!isAction(action)) throw new Error(`${action}: ${text}`);
      const whole = withPayloads(entry, blobs);
      if (whole === undefined) throw new Error('a payload is missing');
      recomputed++;
      if (entry.payloads) moved++;
      // The history is the guard's to fill.
      const meta = recordFromJson(whole.meta as CedarJson);
      expect(action.requests).toEqual(
        act.action.requests.map((one) => ({ ...one, context: { ...one.context, meta } })),
      );
      expect(judge(set, action, inputsFrom(entry.decision, entry.time)).decision).toEqual(decision);
      expect(recheckDecision(set, whole, action)).toEqual([]);
    };
    for (const text of TEXTS) {
      const person = {
        name: 'ann',
        type: 'human',
        groups: ['analysts', 'dba'],
        roles: [],
      } as const;
      await check(text, { ...person, scram: '' }, false, 'shop');
    }
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...TEXTS),
        user,
        fc.boolean(),
        fc.constantFrom('shop', 'Shop-1'),
        check,
      ),
      { numRuns: 300 },
    );
    expect(recomputed).toBeGreaterThan(150);
    expect(moved).toBeGreaterThan(0);
    set.close();
  });

  test('that somebody altered, and signed again, shows what it should have said', async () => {
    const set = loadPolicySet(files, schemaText());
    if (Array.isArray(set)) throw new Error(JSON.stringify(set));
    const { log, sideStore, recorder } = recorderForTest();
    const guard = openGuard({ recorder, policySet: set });
    const text = 'DELETE FROM notes';
    const act = sqlAct({
      reading: readSql({ text, parse, catalog }),
      user: { name: 'ann', type: 'human', groups: ['writers'], roles: [], scram: '' },
      target: { name: 'shop', env: 'prod', classes: {} },
      session: 's1',
      inTransaction: false,
      text,
      nowMs: 1_764_072_000_000,
      catalog,
    });
    const principal = { type: 'human', id: 'ann', proof: 'scram' } as const;
    await guard.decide({ ...act, target: 'shop', mode: 'enforce', principal }).durable;
    const honest = Buffer.from(log.entries[0] ?? []).toString('utf8');
    const forged = [
      honest
        .replaceAll('"forbidden"', '"allowed"')
        .replace('"verdict":"deny"', '"verdict":"allow"'),
      honest.replaceAll('"sql-unscoped-write"', '"sql-prod-delete"'),
      honest.replace('"scope":"none"', '"scope":"key"'),
      honest.replace('"id":"ann","proof"', '"id":"eve","proof"'),
    ];
    const members = forged.map((one) => {
      expect(one).not.toBe(honest);
      const entry = parseEntry(Buffer.from(one)) as DecisionEntry;
      const action = loggedAction(entry, (digest) => sideStore.blobs.get(digest));
      if (!isAction(action)) throw new Error(action);
      return recheckDecision(set, entry, action).map(({ member }) => member);
    });
    expect(members[0]).toEqual(['verdict', 'code', 'parts']);
    expect(members[1]).toEqual(['determining', 'parts']);
    expect(members[2]).toContain('verdict');
    expect(members[3]?.length).toBeGreaterThan(0);
    set.close();
  });
});

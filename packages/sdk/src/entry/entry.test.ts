/** The JSON Schema that auditors read entries by, held against entries as they are written. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { recorderForTest } from '../../testing/recorder.ts';
import { actionOf, setOf } from '../../testing/sql.ts';
import { openGuard } from '../guard/open-guard.ts';
import { ENTRY_VERSION, type EntryFields, type EntryKind, type Json } from './entry.ts';
import type { About } from './recorder.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly const?: Json;
  readonly enum?: readonly Json[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly minLength?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly $defs?: Readonly<Record<string, Schema>>;
}

const schema = JSON.parse(
  readFileSync(new URL('../../schema/entry.schema.json', import.meta.url), 'utf8'),
) as Schema;
const resolve = (part: Schema): Schema =>
  part.$ref === undefined ? part : (schema.$defs?.[part.$ref.slice('#/$defs/'.length)] ?? {});
const FREE = '#/$defs/json';

/** Every place where the value is not as the schema says, members that it does not describe included. */
function differences(value: Json, part: Schema, at = ''): string[] {
  if (part.$ref === FREE) return [];
  const known = resolve(part);
  const wrong = (what: string) => [`${at || '/'}: ${what}`];
  if (known.const !== undefined && known.const !== value) return wrong(`not ${known.const}`);
  if (known.enum && !known.enum.includes(value)) return wrong(`${value} is none of ${known.enum}`);
  if (typeof value === 'string') {
    if (known.type !== undefined && known.type !== 'string') return wrong('a string');
    const matches = known.pattern === undefined || new RegExp(known.pattern).test(value);
    return matches && value.length >= (known.minLength ?? 0) ? [] : wrong(`"${value}"`);
  }
  if (typeof value === 'number') {
    const fits = known.type === 'integer' && value >= (known.minimum ?? value);
    return fits || known.const !== undefined ? [] : wrong(`the number ${value}`);
  }
  if (typeof value === 'boolean') return known.type === 'boolean' ? [] : wrong('a boolean');
  if (Array.isArray(value)) {
    if (known.items === undefined) return wrong('an array');
    const { items } = known;
    return value.flatMap((item, i) => differences(item, items, `${at}/${i}`));
  }
  return memberDifferences(value as Readonly<Record<string, Json>>, known, at);
}

function memberDifferences(value: Readonly<Record<string, Json>>, known: Schema, at: string) {
  const variant = known.oneOf
    ?.map(resolve)
    .find(({ properties }) => properties?.kind?.const === value.kind);
  if (known.oneOf && !variant) return [`${at}: no such kind`];
  const properties = { ...known.properties, ...variant?.properties };
  const required = [...(known.required ?? []), ...(variant?.required ?? [])];
  const missing = required.filter((name) => !Object.hasOwn(value, name));
  const members = Object.entries(value).flatMap(([name, member]) => {
    const described = properties[name];
    return described ? differences(member, described, `${at}/${name}`) : [`${at}/${name}: unknown`];
  });
  return [...missing.map((name) => `${at}/${name}: missing`), ...members];
}

const hash = 'ab'.repeat(32);
const id = '01234567-89ab-7000-8000-000000000000';
/** One of each kind with every member that its type has. */
const everyKind: {
  readonly [K in EntryKind]: Required<Extract<EntryFields, { kind: K }>> | undefined;
} = {
  // Written by the guard, below.
  decision: undefined,
  outcome: {
    kind: 'outcome',
    decisionId: id,
    outcome: { status: 'failed', code: '23505', provisional: true },
    transaction: 't1',
    settles: 2,
    rows: 1,
    bytes: 10,
    durationUs: 5,
    obligations: { masked: { columns: 1, values: 3 }, limited: { rows: 3, bytes: 90 } },
  },
  change: {
    kind: 'change',
    what: 'policy-set',
    subject: 'policies',
    before: '',
    after: hash,
    why: 'start',
    refused: 'no',
    succeeds: {
      origin: 'example.com/old',
      vkey: 'example.com/old+01020304+AQ==',
      size: '3',
      root: hash,
      checkpoint: 'example.com/old\n3\n',
      missing: 'unknown',
    },
  },
  approval: {
    kind: 'approval',
    step: 'grant',
    request: 'r',
    actionDigest: hash,
    policy: 'p',
    policyText: hash,
    reason: 'fine',
    asks: {
      decisionId: id,
      target: 'shop',
      action: 'sql.delete',
      statement: 'DELETE FROM t WHERE id < $1',
      approvers: 'dba',
      quorum: 2,
      ttlMs: 900_000,
      untilMs: 1_764_072_000_000,
    },
    groups: ['dba'],
    decisionId: id,
  },
  finding: {
    kind: 'finding',
    rule: 'gap',
    severity: 'high',
    message: 'm',
    about: [id],
    shadow: {
      verdict: 'deny',
      code: 'forbidden',
      determining: ['p'],
      policySet: hash,
      passedOver: 1,
    },
  },
  access: { kind: 'access', how: 'read', what: '1..10' },
  session: {
    kind: 'session',
    event: 'end',
    target: 'shop',
    client: { address: '127.0.0.1' },
    result: 'refused',
    code: '28P01',
    counts: { decisions: 1, outcomes: 1 },
  },
  system: { kind: 'system', event: 'start', detail: { size: 1 } },
};
const about: Required<About> = {
  session: 's',
  principal: { type: 'agent', id: 'bot', proof: 'token' },
  onBehalfOf: [{ type: 'human', id: 'alice', proved: true }],
  trace: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
};

describe('the JSON Schema of entries', () => {
  test('describes every member of every kind as it is written', async () => {
    const { log, recorder } = recorderForTest();
    for (const fields of Object.values(everyKind)) if (fields) recorder.record(fields, about);
    await recorder.record({ kind: 'system', event: 'stop', detail: ['x'.repeat(20_000)] }, {})
      .durable;
    for (let index = 0; index < log.entries.length; index++) {
      const entry = log.read(index) as unknown as Json;
      expect(differences(entry, schema)).toEqual([]);
    }
    expect(log.entries).toHaveLength(8);
  });

  test('describes decisions of every code as the guard writes them', async () => {
    const { log, recorder } = recorderForTest();
    const head = '@severity("low") @message("m") @hint("h")';
    const guard = openGuard({
      recorder,
      policySet: setOf(
        `@id("p") ${head} permit (principal in Group::"writers", action in Action::"sql.any", resource);
         @id("f") ${head} forbid (principal, action in Action::"sql.any", resource) when { context.sql.scope == Scope::"none" };
         @id("e") ${head} forbid (principal, action in Action::"sql.any", resource) when { context.sql.scope == Scope::"range" && context.sql.literals + 9223372036854775807 > 0 };
         @id("a") ${head} @unless("approved") @approvers("dba") @quorum("1") @ttl("1h") forbid (principal, action in Action::"sql.any", resource) when { context.sql.scope == Scope::"loose" };`,
      ),
    });
    const groups = ['writers'];
    const actions = [
      actionOf({ verb: 'delete', groups, scope: 'key' }),
      actionOf({ verb: 'delete', groups, scope: 'none' }),
      actionOf({ verb: 'delete', groups, scope: 'loose' }),
      actionOf({ verb: 'delete', groups, scope: 'range' }),
      actionOf({ verb: 'delete', scope: 'key' }),
      actionOf({ verb: 'delete', doubts: ['dynamic'] }),
      { requests: [], entities: [], rejected: 'a bad frame' },
      { requests: [], entities: [] },
    ];
    for (const action of actions) {
      const act = {
        action,
        target: 'shop',
        mode: 'enforce',
        resources: [{ action: 'sql.delete', type: 'Table', id: 't', access: { columns: ['id'] } }],
        statement: 'DELETE FROM t WHERE id = $1',
        values: [{ at: '/literals/1', value: '7' }],
        facts: {},
        meta: {},
      } as const;
      await guard.decide({ ...act, ...about }).durable;
    }
    const codes = log.entries.map((_, index) => {
      const entry = log.read(index);
      expect(differences(entry as unknown as Json, schema)).toEqual([]);
      return entry.kind === 'decision' ? entry.decision.code : entry.kind;
    });
    expect(codes).toEqual([
      'allowed',
      'forbidden',
      'needs-approval',
      'policy-error',
      'no-permit',
      'not-understood',
      'rejected',
      'not-understood',
    ]);
  });

  test('this check can fail: what is missing, unknown or of another type is told', () => {
    expect(differences({ kind: 'system', event: 'nap', detail: {}, extra: 1 }, schema)).toEqual(
      expect.arrayContaining(['/v: missing', '/extra: unknown', expect.stringMatching(/^\/event/)]),
    );
    expect(differences({ kind: 'outcome', rows: 'many' }, schema)).toContain('/rows: a string');
    expect(schema.properties?.v?.const).toBe(ENTRY_VERSION);
  });
});

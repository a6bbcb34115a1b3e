/**
 * `npm run attacks -- --cases FILE [--json]`: runs attack cases against the running system, with a real
 * PostgreSQL behind the real gateway. Format: tests/corpora/attacks/README.md.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { attacksFolder } from '../corpora.ts';
import { type AttackCase, parseCases, type Step } from './case.ts';
import { Fixture } from './fixture.ts';
import { type Judgement, judge, type SeenDecision } from './judge.ts';
import { type AttackSystem, DATABASE, startAttackSystem } from './system.ts';
import { type Answer, encode, WireClient } from './wire.ts';

interface Result {
  total: number;
  pass: number;
  readonly skipped: { id: string; reason: string }[];
  readonly fail: { id: string; expected: string; got: string }[];
}

const DEFAULT_PRINCIPAL = 'agent-1';

function skipReason(attack: AttackCase): string | undefined {
  if (attack.surface !== 'sql') return `the surface ${attack.surface} is not built`;
  if (attack.dialect !== 'postgres' && attack.dialect !== 'psql')
    return `the dialect ${attack.dialect} is not built`;
  return undefined;
}

/** One client session of a case; opened at its first step, as the principal that the step names. */
class Session {
  client: WireClient | undefined;
  readonly #system: AttackSystem;
  readonly #user: string;

  constructor(system: AttackSystem, user: string) {
    this.#system = system;
    this.#user = user;
  }

  async login(options?: string): Promise<Answer> {
    const { client, answer } = await WireClient.login({
      port: this.#system.port,
      user: this.#user,
      password: this.#system.password(this.#user),
      database: DATABASE,
      ...(options === undefined ? {} : { options }),
    });
    this.client = client;
    return answer;
  }

  /** Sends the step's bytes; `finish` waits for the answer, so that parallel steps can all be sent first. */
  async send(step: Step): Promise<() => Promise<Answer>> {
    const messages = step.sql === undefined ? (step.pg ?? []) : [{ Query: { sql: step.sql } }];
    const startup = messages.find((message) => 'Startup' in message);
    if (startup && 'Startup' in startup) {
      this.client?.end();
      const answer = await new Session(this.#system, startup.Startup.user).login(
        startup.Startup.options,
      );
      return async () => answer;
    }
    if (!this.client) {
      const answer = await this.login();
      if (answer.error) return async () => answer;
    }
    const client = this.client;
    if (!client) throw new Error('no connection after a login without an error');
    for (const message of messages) client.write(encode(message));
    const ready = messages.filter(
      (message) => 'Sync' in message || 'Query' in message || 'FunctionCall' in message,
    );
    return () => client.answer(ready.length);
  }
}

/** A psql case: its text is the client's standard input; what psql says on stderr is the answer. */
async function runPsql(system: AttackSystem, step: Step): Promise<Answer> {
  const user = step.as ?? DEFAULT_PRINCIPAL;
  const child = spawn(
    'psql',
    [
      '-X',
      '-v',
      'ON_ERROR_STOP=1',
      '-v',
      'VERBOSITY=verbose',
      '-h',
      '127.0.0.1',
      '-p',
      String(system.port),
      '-U',
      user,
      '-d',
      DATABASE,
    ],
    {
      env: { ...process.env, PGPASSWORD: system.password(user) },
      stdio: ['pipe', 'ignore', 'pipe'],
    },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stdin.end(`${step.sql ?? ''}\n`);
  await new Promise((resolve, reject) => child.once('close', resolve).once('error', reject));
  const message = /(?:FATAL|ERROR):\s+(?:([0-9A-Z]{5}): )?(.*)/.exec(said);
  return {
    messages: [],
    closed: true,
    ...(message ? { error: { code: message[1] ?? 'FATAL', message: message[2] ?? '' } } : {}),
  };
}

async function runStep(
  system: AttackSystem,
  fixture: Fixture,
  step: Step,
  act: () => Promise<Answer>,
): Promise<Judgement> {
  const before = await fixture.snapshot();
  const from = await system.logSize();
  const answer = await act();
  const decisions: readonly SeenDecision[] = await system.decisionsSince(from);
  const changed = (await fixture.snapshot()) !== before;
  const leaked = answer.messages.some(({ body }) => fixture.holdsMasked(body.toString('utf8')));
  const error = answer.error ? { error: answer.error.code } : {};
  return judge(step, { decisions, changed, leaked, ...error });
}

/** Consecutive parallel steps form a group that is sent in order before any answer is awaited. */
function groups(steps: readonly Step[]): readonly (readonly Step[])[] {
  const found: Step[][] = [];
  for (const step of steps.flatMap((one) => Array.from({ length: one.repeat ?? 1 }, () => one))) {
    const last = found.at(-1);
    if (step.parallel && last?.[0]?.parallel) last.push(step);
    else found.push([step]);
  }
  return found;
}

async function runCase(
  system: AttackSystem,
  fixture: Fixture,
  attack: AttackCase,
  dirty: boolean,
): Promise<Judgement> {
  await fixture.reset();
  // The fixture has the same names each time: only what the case before changed has to be seen to be gone.
  // A mask goes by the numbers of tables, which are others each time.
  const masks = attack.steps.some(({ expect }) => expect?.includes('MASK'));
  if (dirty || masks) await system.catalogSeen();
  const sessions = new Map<string, Session>();
  const session = (step: Step): Session => {
    const user = step.as ?? DEFAULT_PRINCIPAL;
    const key = `${user}\0${step.session ?? ''}`;
    const found = sessions.get(key) ?? new Session(system, user);
    sessions.set(key, found);
    return found;
  };
  let skipped: Judgement | undefined;
  try {
    for (const group of groups(attack.steps)) {
      const judged = group.filter((step) => step.expect).at(-1) ?? group[0];
      if (!judged) continue;
      const judgement = await runStep(system, fixture, judged, async () => {
        if (attack.dialect === 'psql') return runPsql(system, judged);
        const answers: (() => Promise<Answer>)[] = [];
        for (const step of group) answers.push(await session(step).send(step));
        let judgedAnswer: Answer | undefined;
        for (const [at, step] of group.entries()) {
          const answer = await answers[at]?.();
          if (step === judged) judgedAnswer = answer;
        }
        return judgedAnswer ?? { messages: [], closed: true };
      });
      if (judgement.kind === 'fail') return judgement;
      if (judgement.kind === 'skip') skipped = judgement;
    }
  } finally {
    for (const { client } of sessions.values()) client?.end();
  }
  return skipped ?? { kind: 'pass' };
}

export async function runAttacks(file: string, progress: (line: string) => void): Promise<Result> {
  const cases = parseCases(readFileSync(file, 'utf8'));
  const result: Result = { total: cases.length, pass: 0, skipped: [], fail: [] };
  const runnable = cases.filter((attack) => {
    const reason = skipReason(attack);
    if (reason !== undefined) result.skipped.push({ id: attack.id, reason });
    return reason === undefined;
  });
  if (runnable.length === 0) return result;
  const system = await startAttackSystem();
  const fixture = await Fixture.open(system.superuserUrl);
  try {
    let dirty = true;
    for (const attack of runnable) {
      const judgement = await runCase(system, fixture, attack, dirty);
      dirty =
        judgement.kind !== 'pass' || attack.steps.some(({ expect }) => expect?.includes('ALLOW'));
      const expected = attack.steps.map((step) => step.expect?.join('|') ?? '-').join(' ');
      if (judgement.kind === 'pass') result.pass++;
      else if (judgement.kind === 'skip')
        result.skipped.push({ id: attack.id, reason: judgement.reason });
      else result.fail.push({ id: attack.id, expected, got: judgement.got });
      progress(
        `${judgement.kind.padEnd(4)} ${attack.id} ${expected}${judgement.kind === 'fail' ? ` got ${judgement.got}` : ''}`,
      );
    }
  } finally {
    await fixture.close();
    await system.stop();
  }
  return result;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { cases: { type: 'string' }, json: { type: 'boolean' } },
  });
  const file = values.cases ?? `${attacksFolder}/cases.jsonl`;
  const result = await runAttacks(file, (line) => console.error(line));
  if (values.json) console.log(JSON.stringify(result));
  else {
    console.log(
      `${result.pass} of ${result.total} pass, ${result.skipped.length} skipped, ${result.fail.length} fail`,
    );
  }
  process.exit(result.fail.length === 0 ? 0 : 1);
}

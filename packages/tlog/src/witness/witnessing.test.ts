import { describe, expect, test } from 'vitest';
import { DrivenLog, entryOf } from '../../testing/driven-log.ts';
import { httpOf, policyOf, TestWitness } from '../../testing/witnesses.ts';
import { encodeUtf8 } from '../bytes.ts';
import { parseCheckpoint } from '../checkpoint.ts';
import type { Log, LogFinding } from '../log.ts';
import { hashing, openSigner, sha256, verifySignature } from '../node.ts';
import { parseNote } from '../note.ts';
import { parseReceipt } from '../receipt.ts';
import { verifyNote } from '../verify/note.ts';
import { verifyTree } from '../verify/tree.ts';
import { QUORUM_MS_MAX } from './witnessing.ts';

const { key: logKey } = openSigner(new DrivenLog().options.key);

function system(names: readonly string[], quorum: readonly string[], failOpen = false) {
  const witnesses = names.map((name) => new TestWitness(name, logKey));
  const findings: LogFinding[] = [];
  const driven = new DrivenLog({
    witnesses: { policy: policyOf(witnesses, ...quorum), http: httpOf(witnesses), failOpen },
    onFinding: (finding) => void findings.push(finding),
  });
  const [w1, w2, w3] = witnesses as [TestWitness, TestWitness, TestWitness];
  return { driven, witnesses, findings, w1, w2, w3 };
}

const published = (driven: DrivenLog) => {
  const bytes = driven.bytes('/data/log/checkpoint') ?? new Uint8Array();
  const { note, checkpoint } = parseCheckpoint(bytes);
  return { note, bytes, size: Number(checkpoint.size) };
};

const unreachable = () => Promise.reject(new Error('connect ECONNREFUSED'));
const busy = (status: number, retryAfterMs?: number) => () =>
  Promise.resolve({
    status,
    type: 'text/plain',
    body: encodeUtf8('later\n'),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: { code?: string }) => error.code ?? String(error),
  );
const QUORUM_2_OF_3 = ['group all 2 w1 w2 w3', 'quorum all'];

async function verify(driven: DrivenLog, log: Log) {
  return verifyTree({
    source: {
      get: async (path) => driven.bytes(`/data/log/${path}`),
    },
    vkey: log.vkey,
    verifier: verifySignature,
    hashing,
  });
}

describe('a log with witnesses', () => {
  test('publishes what a quorum cosigned, with every cosignature that came', async () => {
    const { driven, witnesses } = system(['w1', 'w2', 'w3'], QUORUM_2_OF_3);
    const log = await driven.open();
    await driven.append(log, 5);
    await driven.wait(3_000);
    const { note, size } = published(driven);
    expect(size).toBe(5);
    const keys = [logKey, ...witnesses.map(({ cosigner }) => cosigner.key)];
    expect(await verifyNote(note, keys, verifySignature)).toEqual(keys);
    expect(log.states).toEqual({ durable: 5, signed: 5, witnessed: 5 });
  });

  test('publishes nothing that too few cosigned, goes on appending and signing, and catches up', async () => {
    const { driven, w2, w3, findings } = system(['w1', 'w2', 'w3'], QUORUM_2_OF_3);
    const log = await driven.open();
    await driven.append(log, 5);
    await driven.wait(3_000);
    w2.instead = unreachable;
    w3.instead = unreachable;
    for (let i = 0; i < 40; i++) {
      await driven.append(log, 7);
      await driven.wait(1_000);
    }
    expect(log.states).toEqual({ durable: 285, signed: 285, witnessed: 5 });
    expect(published(driven).size).toBe(5);
    expect((await verify(driven, log)).ok).toBe(true);
    // Partial tiles of sizes that nobody will ever publish do not pile up: at most those of three sizes.
    const partials = driven.names('/data/log/tile/entries/001.p').length;
    expect(partials).toBeLessThanOrEqual(3);
    expect(findings).toEqual([]);
    await driven.wait(QUORUM_MS_MAX);
    expect(findings.map(({ rule }) => rule)).toEqual(['quorum-missing']);
    expect(findings[0]?.message).toMatch(/w2: connect ECONNREFUSED; w3: connect ECONNREFUSED/);
    w2.instead = () => undefined;
    await driven.wait(70_000);
    expect(log.states).toMatchObject({ witnessed: 285 });
    expect((await verify(driven, log)).ok).toBe(true);
    expect(findings).toHaveLength(1);
  });

  test('asks at most once a second, and less and less often who does not answer', async () => {
    const { driven, w1, w2 } = system(['w1', 'w2'], ['quorum w1']);
    const log = await driven.open();
    w2.instead = busy(503);
    const [before1, before2] = [w1.requests.length, w2.requests.length];
    for (let i = 0; i < 30; i++) {
      await driven.append(log, 1);
      await driven.wait(500);
    }
    expect(w1.requests.length - before1).toBeLessThanOrEqual(16);
    expect(w1.requests.length - before1).toBeGreaterThan(8);
    expect(w2.requests.length - before2).toBeLessThanOrEqual(5);
    w2.instead = busy(429, 30_000);
    await driven.append(log, 1);
    await driven.wait(20_000);
    const asked = w2.requests.length;
    await driven.append(log, 1);
    await driven.wait(20_000);
    expect(w2.requests.length - asked).toBeLessThanOrEqual(1);
  });

  test('gives receipts of both states; a witnessed one carries the cosignatures', async () => {
    const { driven, w1 } = system(['w1'], ['quorum w1']);
    const log = await driven.open();
    w1.instead = unreachable;
    await driven.append(log, 3);
    const signed = await driven.machine.finish(log.receipt(1));
    expect(parseNote(parseReceipt(signed).checkpoint).signatures).toHaveLength(1);
    const waiting = log.receipt(1, 'witnessed');
    await driven.wait(5_000);
    w1.instead = () => undefined;
    const witnessed = parseReceipt(await driven.machine.finish(waiting));
    expect(parseNote(witnessed.checkpoint).signatures).toHaveLength(2);
    // Its tiles give way to full ones, and it is proved from those.
    await driven.append(log, 600, 300);
    await driven.wait(3_000);
    const later = parseReceipt(await driven.machine.finish(log.receipt(1, 'witnessed')));
    expect(later.index).toBe(1n);
  });

  test('fills the gap after a start: what was signed and not published is submitted first', async () => {
    const { driven, w1 } = system(['w1'], ['quorum w1']);
    const log = await driven.open();
    await driven.append(log, 3);
    await driven.wait(2_000);
    w1.instead = unreachable;
    await driven.append(log, 3);
    await driven.wait(2_000);
    expect(published(driven).size).toBe(3);
    driven.cutPower();
    w1.instead = () => undefined;
    const again = await driven.open();
    await driven.wait(2_000);
    expect(again.states).toEqual({ durable: 6, signed: 6, witnessed: 6 });
    expect((await verify(driven, again)).ok).toBe(true);
  });

  test('says at a start that nobody would have seen a rollback, where no witness answers', async () => {
    const { driven, w1, findings } = system(['w1'], ['quorum w1']);
    w1.instead = unreachable;
    await driven.open();
    expect(findings.map(({ rule }) => rule)).toEqual(['witnesses-silent']);
  });

  test('publishes without a quorum only where that was switched on, and says so', async () => {
    const { driven, w1, findings } = system(['w1'], ['quorum w1'], true);
    const log = await driven.open();
    w1.instead = unreachable;
    await driven.append(log, 3);
    await driven.wait(QUORUM_MS_MAX - 5_000);
    expect(published(driven).size).toBe(0);
    await driven.wait(QUORUM_MS_MAX * 2);
    expect(published(driven).size).toBe(3);
    expect(findings.at(-1)?.message).toMatch(/published without it, as the configuration says/);
    expect(log.size).toBe(3);
  });

  test('at a clean stop publishes what the witnesses still cosign', async () => {
    const { driven } = system(['w1'], ['quorum w1']);
    const log = await driven.open();
    await driven.append(log, 3);
    await driven.machine.finish(log.close());
    expect(published(driven).size).toBe(3);
  });

  test('tells once of a witness that refuses', async () => {
    const { driven, w1, findings } = system(['w1'], ['quorum none']);
    const log = await driven.open();
    w1.instead = busy(403);
    for (let i = 0; i < 5; i++) {
      await driven.append(log, 1);
      await driven.wait(4_000);
    }
    expect(findings.map(({ rule }) => rule)).toEqual(['witness-refuses']);
    expect(findings[0]?.message).toMatch(/w1 does not cosign: it answers 403: later/);
  });
});

describe('a log that was rolled back', () => {
  /** What an attacker, or a restored snapshot, gives: data and state of the same earlier moment. */
  async function rolledBack() {
    const run = system(['w1', 'w2'], ['group two all w1 w2', 'quorum two']);
    const { driven, witnesses } = run;
    const log = await driven.open();
    await driven.append(log, 3);
    await driven.wait(2_000);
    // Stopped at three entries; the other one goes on.
    const copy = new DrivenLog();
    await copy.append(await copy.open(), 3);
    await copy.wait(2_000);
    copy.cutPower();
    Object.assign(copy.more, driven.more);
    await driven.append(log, 4);
    await driven.wait(2_000);
    await driven.machine.finish(log.close());
    return { ...run, copy, witnesses };
  }

  test('is refused at its start, and at every later one, with both checkpoints kept', async () => {
    const { copy, w1 } = await rolledBack();
    expect(await codeOf(copy.open())).toBe('LOG_CONTRADICTED');
    const theirs = copy.bytes(`/state/${stateName()}/contradiction/theirs`);
    expect(Number(parseCheckpoint(theirs ?? new Uint8Array()).checkpoint.size)).toBe(7);
    const ours = copy.bytes(`/state/${stateName()}/contradiction/ours`);
    expect(Number(parseCheckpoint(ours ?? new Uint8Array()).checkpoint.size)).toBe(3);
    w1.instead = unreachable;
    copy.kill();
    expect(await codeOf(copy.open())).toBe('LOG_CONTRADICTED');
  });

  test('stops for good where the witness is reached only later', async () => {
    const { copy, w1, w2 } = await rolledBack();
    w1.instead = unreachable;
    w2.instead = unreachable;
    const twin = await copy.open();
    await copy.append(twin, 1);
    await copy.wait(2_000);
    w1.instead = () => undefined;
    await copy.wait(70_000);
    expect((await twin.failed).message).toMatch(
      /shows a checkpoint of 7 entries under this log's key/,
    );
    expect(await codeOf(twin.append(entryOf(9)))).toBe('LOG_FAILED');
  });

  test('goes on where a witness only claims a larger size and shows nothing that is signed', async () => {
    const { driven, w1, findings } = system(['w1', 'w2'], ['quorum w2']);
    const log = await driven.open();
    w1.instead = async () => ({ status: 409, type: 'text/x.tlog.size', body: encodeUtf8('99\n') });
    await driven.append(log, 3);
    await driven.wait(5_000);
    expect(log.states).toMatchObject({ witnessed: 3 });
    expect(findings.map(({ rule }) => rule)).toEqual(['witness-refuses']);
  });
});

function stateName(): string {
  return Buffer.from(sha256(encodeUtf8(logKey.name))).toString('hex');
}

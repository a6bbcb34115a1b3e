import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { recorderForTest } from '../../testing/recorder.ts';
import { remoteAct } from '../../testing/remote.ts';
import { setOf } from '../../testing/sql.ts';
import { openGuard } from '../guard/open-guard.ts';
import { connectGuard } from './client.ts';
import { actFromJson, actToJson, FRAME_BYTES_MAX, frameOf } from './message.ts';
import { CONNECTIONS_MAX, type GuardService, serveGuard } from './service.ts';

const LIMIT = 20;
const say = (id: string) => `@id("${id}") @severity("low") @message("m") @hint("h")`;
const set = setOf(`${say('all')} permit (principal, action, resource);
${say('rate')} @unless("within-rate") @rate("${LIMIT}/1h") @key("principal")
forbid (principal is Agent, action in Action::"sql.any", resource);`);

const folder = mkdtempSync(join(tmpdir(), 'sealrail-remote-'));
const path = join(folder, 'guard.sock');
let world: ReturnType<typeof recorderForTest>;
let service: GuardService;
const children: ChildProcess[] = [];
beforeEach(async () => {
  world = recorderForTest();
  service = await serveGuard(openGuard({ recorder: world.recorder, policySet: set }), path);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await service.close();
});

function child(count: number, how = ''): ChildProcess & { readonly said: Promise<number> } {
  const script = fileURLToPath(new URL('../../testing/remote-child.ts', import.meta.url));
  const made = spawn(process.execPath, [script, path, String(count), how], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(made);
  const said = once(made.stdout, 'data').then(([text]) => Number(String(text)));
  return Object.assign(made, { said });
}
const entries = () => world.log.entries.map((_, index) => world.log.read(index));
const outcomes = () =>
  entries().flatMap((entry) => (entry.kind === 'outcome' ? [entry.outcome.status] : []));
const until = async (isSo: () => boolean) => {
  for (let i = 0; i < 500 && !isSo(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(isSo()).toBe(true);
};

describe('processes that decide through one guard', () => {
  test('P5: are together allowed no more than the limit, racing as they may', async () => {
    const racing = [child(13), child(13), child(13), child(13)];
    const allowed = await Promise.all(racing.map(({ said }) => said));
    expect(allowed.reduce((sum, one) => sum + one, 0)).toBe(LIMIT);
    await until(() => outcomes().length === LIMIT);
    expect(new Set(outcomes())).toEqual(new Set(['executed']));
    expect(entries().filter(({ kind }) => kind === 'decision')).toHaveLength(52);
  });

  test('that are killed keep what they reserved, and what became of it is unknown', async () => {
    const killed = child(LIMIT, 'hang');
    expect(await killed.said).toBe(LIMIT);
    killed.kill('SIGKILL');
    await until(() => outcomes().length === LIMIT);
    expect(new Set(outcomes())).toEqual(new Set(['unknown']));
    expect(await child(3).said).toBe(0);
  });
});

describe('the connection', () => {
  test('gives back exactly what was asked about', () => {
    const act = remoteAct({ onBehalfOf: [{ type: 'human', id: 'ann', proved: true }] });
    expect(actFromJson(JSON.parse(JSON.stringify(actToJson(act))))).toEqual(act);
  });

  test('is open to nobody but the owner', () => {
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('lost, lets nothing pass', async () => {
    const guard = await connectGuard(path);
    expect((await guard.decide(remoteAct())).blocked).toBe(false);
    world.log.refuse = new Error('disk full');
    await expect(guard.decide(remoteAct())).rejects.toMatchObject({ code: 'REMOTE_REFUSED' });
    const asked = guard.decide(remoteAct());
    await service.close();
    await expect(asked).rejects.toThrow();
    await expect(guard.decide(remoteAct())).rejects.toMatchObject({ code: 'REMOTE_LOST' });
    await expect(connectGuard(path)).rejects.toMatchObject({ code: 'REMOTE_LOST' });
  });

  test('answers what is no action with a refusal, and what is no frame with its end', async () => {
    const guard = await connectGuard(path);
    const odd = { ...remoteAct(), mode: 'neither' } as never;
    await expect(guard.decide(odd)).rejects.toMatchObject({ code: 'REMOTE_REFUSED' });
    expect((await guard.decide(remoteAct())).decision.code).toBe('allowed');
    guard.close();
    for (const bytes of [Buffer.from([255, 255, 255, 255]), Buffer.from('\0\0\0\x03no!')]) {
      const socket = connect(path);
      socket.write(bytes);
      await once(socket, 'close');
    }
    const value = 'x'.repeat(FRAME_BYTES_MAX);
    const large = (await connectGuard(path)).decide(
      remoteAct({ values: [{ at: '/bytes', value }] }),
    );
    await expect(large).rejects.toThrow(/too large/);
  });

  test('is refused to one more than the bound, and given again when one leaves', async () => {
    const sockets = Array.from({ length: CONNECTIONS_MAX }, () => connect(path));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    // Taken in the order in which they came: the service has seen all of them once this one is answered.
    const last = sockets.at(-1);
    const frame = frameOf({ id: 1, kind: 'decide', act: actToJson(remoteAct()) });
    if (!last || !frame) throw new Error('nothing to ask with');
    last.write(frame);
    await once(last, 'data');
    await once(connect(path), 'close');
    sockets[0]?.destroy();
    // Whoever left is gone as soon as the service has seen it.
    const retry = async (left: number): Promise<boolean> => {
      const again = await connectGuard(path);
      const asked = again.decide(remoteAct()).finally(() => again.close());
      if (left === 0) return (await asked).blocked;
      return asked.then(
        ({ blocked }) => blocked,
        () => retry(left - 1),
      );
    };
    expect(await retry(50)).toBe(false);
    for (const socket of sockets) socket.destroy();
  });

  test('is served by one process, which takes over from one that was killed', async () => {
    const guard = openGuard({ recorder: world.recorder, policySet: set });
    await expect(serveGuard(guard, path)).rejects.toThrow(/served by another/);
    const file = join(folder, 'file');
    writeFileSync(file, '');
    await expect(serveGuard(guard, file)).rejects.toThrow(/no socket/);
    rmSync(file);
  });
});

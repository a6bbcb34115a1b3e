import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NotDurable, Outbox } from './outbox.ts';
import { openUnit } from './unit.ts';

let server: Server;
let socket: Socket;
let received: Buffer[];
beforeEach(async () => {
  received = [];
  server = createServer((far) => far.on('data', (chunk) => received.push(chunk)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  socket = connect(typeof address === 'object' && address ? address.port : 0, '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
});
afterEach(() => {
  socket.destroy();
  server.close();
});

const open = () => new Outbox(socket, () => 77, 100);
const going = () => false;
const settle = () => new Promise((resolve) => setTimeout(resolve, 50));
const text = () => Buffer.concat(received).toString();

describe('Outbox', () => {
  test('sends what was added in its order, and tells units when they went', async () => {
    const outbox = open();
    const chunk = Buffer.from('abcdef');
    const unit = openUnit('d');
    outbox.add(chunk.subarray(0, 2));
    outbox.add(chunk.subarray(2, 4), unit);
    outbox.add(Buffer.from('XY'));
    outbox.add(chunk.subarray(4));
    expect(outbox.bytes).toBe(8);
    expect(unit.sentUs).toBeUndefined();
    await outbox.flush(going);
    await settle();
    expect(text()).toBe('abcdXYef');
    expect(unit.sentUs).toBe(77);
    expect(outbox.bytes).toBe(0);
  });

  test('sends nothing before everything that it waits for is durable', async () => {
    const outbox = open();
    let durable: () => void = () => undefined;
    outbox.waitFor(Promise.resolve());
    outbox.waitFor(
      new Promise<void>((resolve) => {
        durable = resolve;
      }),
    );
    outbox.add(Buffer.from('x'));
    const flushed = outbox.flush(going);
    await settle();
    expect(text()).toBe('');
    durable();
    await flushed;
    await settle();
    expect(text()).toBe('x');
  });

  test('sends nothing, ever, of what the log refused or was too late for', async () => {
    const waits = [Promise.reject(new Error('disk full')), new Promise(() => undefined)];
    for (const wait of waits) {
      const outbox = open();
      outbox.waitFor(wait);
      outbox.add(Buffer.from('x'));
      await expect(outbox.flush(going)).rejects.toThrow(NotDurable);
      await outbox.flush(going);
    }
    await settle();
    expect(text()).toBe('');
  });

  test('sends nothing of a session that ended while it waited', async () => {
    const outbox = open();
    const unit = openUnit('d');
    outbox.add(Buffer.from('x'), unit);
    await outbox.flush(() => true);
    await settle();
    expect(text()).toBe('');
    expect(unit.sentUs).toBeUndefined();
  });
});

/** The console as a person sees it, in a real browser, over a real daemon. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type System, startSystem } from '../system.ts';
import { hasBrowser, launch } from './browser.ts';

const verifyPage = fileURLToPath(
  new URL('../../packages/server/assets/verify.html', import.meta.url),
);

describe.skipIf(!hasBrowser)('the console', () => {
  let system: System;
  let browser: Browser;
  let page: Page;
  let client: pg.Client;
  const problems: string[] = [];

  beforeAll(async () => {
    system = await startSystem({
      database: 'shop',
      role: 'shop_role',
      users: [{ name: 'alice', type: 'human', groups: ['writers'] }],
      setup:
        'CREATE TABLE customers (id integer PRIMARY KEY, name text); GRANT USAGE ON SCHEMA public TO PUBLIC; GRANT ALL ON customers TO PUBLIC;',
    });
    browser = await launch();
    client = new pg.Client({ connectionString: system.url('alice') });
    client.on('error', () => undefined);
    await client.connect();
  });
  afterAll(async () => {
    await browser?.close();
    await client?.end();
    await system?.stop();
  });
  afterEach(async () => {
    await page?.close();
    expect(problems.splice(0)).toEqual([]);
  });

  async function open(path: string): Promise<Page> {
    page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    await page.goto(`${system.api}${path}`);
    return page;
  }
  /** The decision's id, from the denial that a client gets. */
  const denied = (text: string): Promise<string> =>
    client.query(text).then(
      () => {
        throw new Error('it went through');
      },
      (error: { detail?: string }) => /[0-9a-f-]{36}/.exec(error.detail ?? '')?.[0] ?? '',
    );
  const row = (text: string) => page.locator('.row', { hasText: text }).first();
  const result = () => page.locator('.result');
  const signed = async (id: string): Promise<number> => {
    for (;;) {
      const view = (await (await fetch(`${system.api}/api/entries/${id}`)).json()) as {
        index: number;
        state: string;
      };
      if (view.state === 'signed') return view.index;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };

  test('shows a decision within half a second of its being durable', async () => {
    await open('/');
    await page.getByText('live', { exact: true }).waitFor();
    for (let round = 0; round < 5; round++) {
      const table = `customers /* ${round} */`;
      await denied(`DELETE FROM ${table} WHERE id + ${round} = id + ${round}`);
      const answered = Date.now();
      const before = await page.locator('.row', { hasText: 'DELETE FROM customers' }).count();
      await expect
        .poll(() => page.locator('.row', { hasText: 'DELETE FROM customers' }).count(), {
          interval: 10,
        })
        .toBeGreaterThanOrEqual(Math.max(before, round + 1));
      expect(Date.now() - answered).toBeLessThan(500);
    }
  });

  test('filters, and keeps the filter in the address', async () => {
    await client.query('SELECT 1 AS one');
    await denied('DELETE FROM customers');
    await open('/?verdict=deny');
    await row('DELETE FROM customers').waitFor();
    expect(await page.locator('.row', { hasText: 'SELECT' }).count()).toBe(0);
    await page.getByRole('button', { name: 'allow', exact: true }).click();
    await row('SELECT').waitFor();
    expect(page.url()).toContain('verdict=allow');
  });

  test('a denial leads to its page: facts, policy, and a proof that this browser checks', async () => {
    const id = await denied('DELETE FROM customers');
    await signed(id);
    await open(`/entries/${id}`);
    const drawer = page.getByLabel('entry', { exact: true });
    await drawer.getByText('this statement writes every row of the table').first().waitFor();
    expect(await drawer.innerText()).toContain('tablesWritten');
    expect(await drawer.innerText()).toContain('forbid (');
    expect(await drawer.innerText()).not.toContain('verified by this browser');
    await drawer.getByRole('button', { name: 'Verify in this browser' }).click();
    await result().waitFor();
    expect(await result().innerText()).toBe('verified by this browser');
    expect(await drawer.innerText()).toContain('a convenience, not an audit');
  });

  test('the whole log verifies in the browser', async () => {
    await open('/integrity');
    await page.getByRole('button', { name: 'Verify every entry in this browser' }).click();
    await result().waitFor();
    expect(await result().innerText()).toMatch(
      /^verified by this browser: \d+ entries, self-consistent only$/,
    );
  });

  test('an altered tile is called out by its name, and nothing is called verified', async () => {
    const id = await denied('DELETE FROM customers');
    const index = await signed(id);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const folder = join(system.folder, 'data/log/tile/0/000.p');
    const width =
      readdirSync(folder)
        .map(Number)
        .sort((a, b) => b - a)[0] ?? 0;
    const path = join(folder, String(width));
    const good = readFileSync(path);
    const bad = Buffer.from(good);
    bad[index * 32] = (bad[index * 32] ?? 0) ^ 1;
    writeFileSync(path, bad);
    try {
      await open(`/entries/${id}`);
      await page.getByRole('button', { name: 'Verify in this browser' }).click();
      await result().waitFor();
      expect(await result().innerText()).toBe('NOT verified');
      expect(await page.locator('.steps .bad').first().innerText()).toContain(
        `tile/0/000.p/${width}`,
      );
    } finally {
      writeFileSync(path, good);
    }
  });

  describe('verify.html, opened from disk without a network', () => {
    const receiptOf = async (id: string): Promise<Buffer> =>
      Buffer.from(
        await (await fetch(`${system.api}/api/receipts/${await signed(id)}`)).arrayBuffer(),
      );

    async function check(receipt: Buffer, key: string): Promise<string> {
      const context = await browser.newContext({ offline: true });
      const requests: string[] = [];
      const opened = await context.newPage();
      opened.on('request', (request) => {
        if (!request.url().startsWith('file:') && !request.url().startsWith('data:'))
          requests.push(request.url());
      });
      opened.on('pageerror', (error) => problems.push(error.message));
      await opened.goto(`file://${verifyPage}`);
      await opened.locator('input[name=receipt]').setInputFiles({
        name: 'a.tlog-proof',
        mimeType: 'application/octet-stream',
        buffer: receipt,
      });
      await opened.locator('input[name=key]').fill(key);
      await opened.getByRole('button', { name: 'Verify' }).click();
      await opened.locator('.result').waitFor();
      const said = await opened.locator('main').innerText();
      await context.close();
      expect(requests).toEqual([]);
      return said;
    }
    const vkey = () => readFileSync(system.vkeyFile, 'utf8').trim();

    test('accepts a receipt and shows the entry that it proves', async () => {
      const said = await check(await receiptOf(await denied('DELETE FROM customers')), vkey());
      expect(said).toMatch(/verified: entry \d+ of sealrail\.invalid/);
      expect(said).toContain('"statement": "DELETE FROM customers"');
      expect(said).not.toContain('NOT verified');
    });

    test('refuses a changed entry, a wrong key and a receipt without its entry', async () => {
      const receipt = await receiptOf(await denied('DELETE FROM customers'));
      const text = receipt.toString('latin1');
      const extra = /^extra (.*)$/m.exec(text)?.[1] ?? '';
      const entry = Buffer.from(extra, 'base64').toString('utf8').replace('"alice"', '"mallo"');
      const forged = Buffer.from(
        text.replace(extra, Buffer.from(entry).toString('base64')),
        'latin1',
      );
      const bare = Buffer.from(text.replace(/^extra .*\n/m, ''), 'latin1');
      const wrongKey =
        'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx';
      for (const [bytes, key] of [
        [forged, vkey()],
        [bare, vkey()],
        [receipt, wrongKey],
        [receipt, 'no key'],
      ] as const) {
        expect(await check(bytes, key)).toContain('NOT verified');
      }
    });
  });
});

/** From a client's error message to the page that explains it: a real daemon, database and browser. */
import pg from 'pg';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type System, startSystem } from '../system.ts';
import { hasBrowser, launch } from './browser.ts';

describe.skipIf(!hasBrowser)('the console of a running daemon', () => {
  let system: System;
  let browser: Browser;
  let client: pg.Client;

  beforeAll(async () => {
    system = await startSystem({
      database: 'shop',
      role: 'shop_role',
      users: [
        { name: 'alice', type: 'human', groups: ['writers'] },
        { name: 'dora', type: 'human', groups: ['dba'] },
      ],
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

  test('the id that a denied client is given opens the entry, and the entry verifies', async () => {
    const page = await browser.newPage();
    await page.goto(`${system.api}/`);
    await page.locator('.connection.live').waitFor();
    const error = await client.query('DELETE FROM customers').then(
      () => undefined,
      (reason: { message: string; detail?: string }) => reason,
    );
    const id = /[0-9a-f-]{36}/.exec(error?.detail ?? '')?.[0];
    expect(id).toBeDefined();
    await page.locator('.row', { hasText: 'DELETE FROM customers' }).first().waitFor();

    await page.goto(`${system.api}/entries/${id}`);
    const drawer = page.getByLabel('Entry', { exact: true });
    await drawer.getByText('This statement writes every row of the table.').first().waitFor();
    expect(await drawer.innerText()).toContain('public.customers');
    await drawer.getByRole('button', { name: 'Verify in this browser' }).click();
    await page.locator('.result').waitFor();
    expect(await page.locator('.result').innerText()).toContain('Verified by this browser');
  });

  test('the whole log of a daemon verifies in the browser', async () => {
    const page = await browser.newPage();
    await page.goto(`${system.api}/integrity`);
    await page.getByText('enforce').first().waitFor();
    await page.getByRole('button', { name: 'Verify in this browser' }).click();
    await page.locator('.result').waitFor();
    expect(await page.locator('.result').innerText()).toMatch(/^Verified by this browser: \d+/);
  });

  test('what a client is held for waits on the page it is told of, and a yes there lets it through', async () => {
    const text = 'DELETE FROM customers WHERE name IS NOT NULL';
    const held = await client.query(text).then(
      () => undefined,
      (reason: { code: string; hint?: string }) => reason,
    );
    expect(held?.code).toBe('SR001');
    const page = await browser.newPage();
    await page.goto(`${system.api}/approvals`);
    const card = page.locator('.approval', { hasText: text });
    await card.waitFor();
    expect(await card.innerText()).toMatch(/pending[\s\S]*human:alice[\s\S]*23:5\d:\d\d left/);
    await page.keyboard.press('a');
    await page.keyboard.type('dora');
    // Nothing is sent without a reason, and a wrong password says so.
    await card.getByLabel('Password').fill('guess');
    await card.getByRole('button', { name: 'Approve' }).click();
    expect(await page.locator('.notice').count()).toBe(0);
    await card.getByLabel('Reason').fill('the table is to be emptied');
    await card.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('the name or the password is wrong').waitFor();
    await card.getByLabel('Password').fill(system.password('dora'));
    await card.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('Approved. Whoever asked sends exactly the same again.').waitFor();
    expect(await card.innerText()).toContain('dora (the table is to be emptied)');
    expect((await client.query(text)).command).toBe('DELETE');
    await page.getByText('It is used').waitFor();
    await page.close();
  });
});

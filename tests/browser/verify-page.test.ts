/** verify.html as an auditor uses it: from disk, without a network, on a receipt that somebody sent. */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { formatReceipt, parseReceipt } from '@sealrail/tlog';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { SHOP_STATEMENTS, type ShopStatement } from '../../packages/server/testing/shop-log.ts';
import { testSigner, vkeyOf } from '../tlog/memory-tree.ts';
import { hasBrowser } from './browser.ts';
import { ORIGIN, openPlace, type Place, VERIFY_HTML } from './place.ts';

const UNSCOPED_DELETE = SHOP_STATEMENTS[1] as ShopStatement;

interface Given {
  readonly receipt: Uint8Array;
  readonly vkey?: string;
  readonly entry?: Uint8Array;
  readonly held?: Uint8Array;
}

describe.skipIf(!hasBrowser)('verify.html', () => {
  let place: Place;
  let index = 0;
  let receipt: Uint8Array = new Uint8Array(0);

  beforeAll(async () => {
    place = await openPlace();
    for (const statement of SHOP_STATEMENTS) await place.shop.act(statement);
    ({ index } = await place.shop.act(UNSCOPED_DELETE));
    receipt = await place.shop.log.receipt(index);
  });
  afterAll(() => place?.close());
  afterEach(async () => {
    await place.closePages();
    expect(place.complaints()).toEqual([]);
  });

  const file = (name: string, bytes: Uint8Array) => ({
    name,
    mimeType: 'application/octet-stream',
    buffer: Buffer.from(bytes),
  });

  async function check(given: Given): Promise<Page> {
    const page = await place.open(pathToFileURL(VERIFY_HTML).href, { offline: true });
    const requests: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    await page.locator('#receipt').setInputFiles(file('a.tlog-proof', given.receipt));
    await page.locator('#key').fill(given.vkey ?? place.shop.log.vkey);
    if (given.entry) await page.locator('#entry').setInputFiles(file('entry', given.entry));
    if (given.held) await page.locator('#held').setInputFiles(file('checkpoint', given.held));
    await page.getByRole('button', { name: 'Verify' }).click();
    await page.locator('.result').waitFor();
    expect(requests).toEqual([]);
    return page;
  }

  async function refuses(given: Given, why: string | RegExp): Promise<void> {
    const page = await check(given);
    expect(await page.locator('.result').innerText()).toBe('Not verified.');
    expect(await page.locator('.steps .bad').innerText()).toMatch(why);
    // What was not proved is not shown as if it had been.
    expect(await page.getByText('What the entry says').count()).toBe(0);
    await page.context().close();
  }

  const remade = (change: Partial<ReturnType<typeof parseReceipt>>): Uint8Array =>
    formatReceipt({ ...parseReceipt(receipt), ...change });
  const withoutExtra = (): Uint8Array => {
    const { extra: _, ...rest } = parseReceipt(receipt);
    return formatReceipt(rest);
  };

  test('accepts a good receipt offline, shows each step and then what the entry says', async () => {
    const page = await check({ receipt });
    expect(await page.locator('.result').innerText()).toMatch(
      new RegExp(`^Verified: entry ${index} of ${ORIGIN}, in a signed log of \\d+ entries\\.$`),
    );
    const titles = await page.locator('.steps strong').allInnerTexts();
    expect(titles).toEqual([
      'Receipt',
      'Public key',
      'Signed checkpoint',
      'Leaf hash',
      'Path to the root',
    ]);
    const words = await page.locator('#result').innerText();
    for (const word of ['self-consistent only', 'DELETE FROM customers', 'alice (human)', 'deny']) {
      expect(words).toContain(word);
    }
  });

  test('can reach nothing: its policy allows no connection, image or frame from anywhere', async () => {
    const page = await place.open(pathToFileURL(VERIFY_HTML).href);
    const tried = await page.evaluate(
      `fetch('${place.api.url}/api/status').then(() => 'reached', () => 'refused')`,
    );
    expect(tried).toBe('refused');
    expect(place.complaints().join()).toMatch(/Content Security Policy/i);
    const html = readFileSync(VERIFY_HTML, 'utf8');
    expect(html).toContain("default-src 'none'; script-src 'sha256-");
    expect(html).not.toMatch(
      /unsafe-|https?:\/\/(?!www\.w3\.org)[a-z0-9.-]+\/[^\s"]*\.(js|css|woff)/,
    );
  });

  test('refuses a receipt whose entry was changed', async () => {
    const { extra } = parseReceipt(receipt);
    const text = Buffer.from(extra ?? [])
      .toString('utf8')
      .replace('"alice"', '"mallo"');
    await refuses({ receipt: remade({ extra: Buffer.from(text) }) }, /is not number \d+ of the/);
  });

  test('refuses a receipt whose proof, index or checkpoint was changed', async () => {
    const { proof, checkpoint } = parseReceipt(receipt);
    const first = Uint8Array.from(proof[0] ?? []);
    first[0] = (first[0] ?? 0) ^ 1;
    await refuses({ receipt: remade({ proof: [first, ...proof.slice(1)] }) }, /is not number/);
    await refuses({ receipt: remade({ index: BigInt(index - 1) }) }, /is not number/);
    const forged = Buffer.from(checkpoint)
      .toString('utf8')
      .replace(/\n(\d+)\n/, '\n1$1\n');
    await refuses({ receipt: remade({ checkpoint: Buffer.from(forged) }) }, /does not hold/);
  });

  test('refuses the key of another log, another key of this name, and what is no key', async () => {
    await refuses({ receipt, vkey: vkeyOf(testSigner('example.com/other')) }, /is not signed by/);
    await refuses({ receipt, vkey: vkeyOf(testSigner(ORIGIN)) }, /is not signed by/);
    await refuses({ receipt, vkey: 'no key at all' }, /key/i);
  });

  test('refuses a receipt without its entry, until the entry is given', async () => {
    await refuses({ receipt: withoutExtra() }, /carries no entry and none was given/);
    const entry = await place.shop.log.read(index);
    const page = await check({ receipt: withoutExtra(), entry });
    expect(await page.locator('.result').innerText()).toContain('Verified');
    const other = await place.shop.log.read(index - 1);
    await refuses({ receipt: withoutExtra(), entry: other }, /is not number/);
  });

  test('compares with a checkpoint that the auditor kept', async () => {
    const { checkpoint } = parseReceipt(receipt);
    const page = await check({ receipt, held: checkpoint });
    expect(await page.locator('#result').innerText()).toContain(
      'consistent with your checkpoint at',
    );
    const forged = Buffer.from(checkpoint)
      .toString('utf8')
      .replace(/\n[A-Za-z0-9+/]/, '\n~');
    await refuses({ receipt, held: Buffer.from(forged) }, /your checkpoint 1/);
  });

  test('takes no other file for a receipt, and says what is missing', async () => {
    await refuses({ receipt: Buffer.from('hello') }, /malformed receipt/);
    await refuses({ receipt, vkey: ' ' }, /Paste the log's public key first/);
  });
});

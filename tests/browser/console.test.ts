/** The console as a person sees it, in a real browser, over a real log and its API. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tilePath, tileWidth } from '@sealrail/tlog';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openApi } from '../../packages/server/src/api/api.ts';
import { SHOP_STATEMENTS, type ShopStatement } from '../../packages/server/testing/shop-log.ts';
import { hasBrowser } from './browser.ts';
import { openPlace, type Place } from './place.ts';

const [READ, UNSCOPED_DELETE, UPDATE] = SHOP_STATEMENTS as readonly [
  ShopStatement,
  ShopStatement,
  ShopStatement,
];
/** From being durable to being on the screen. */
const SEEN_MS_MAX = 500;
const LATENCY_ROUNDS = 20;

describe.skipIf(!hasBrowser)('the console', () => {
  let place: Place;

  beforeAll(async () => {
    place = await openPlace();
    for (let round = 0; round < 40; round++) {
      for (const statement of SHOP_STATEMENTS) await place.shop.act(statement);
    }
    await place.shop.signed();
  });
  afterAll(() => place?.close());
  afterEach(async () => {
    await place.closePages();
    expect(place.complaints()).toEqual([]);
  });

  const row = (page: Page, text: string) => page.locator('.row', { hasText: text });
  const live = async (path = '/'): Promise<Page> => {
    const page = await place.open(path);
    await page.getByText('Live', { exact: true }).last().waitFor();
    await page.locator('.connection.live').waitFor();
    return page;
  };

  test('shows an entry within half a second of its being durable', async () => {
    const page = await live();
    const seenAt = new Map<string, number>();
    await page.exposeFunction('seen', (mark: string) => {
      if (!seenAt.has(mark)) seenAt.set(mark, Date.now());
    });
    await page.evaluate(`
      new MutationObserver(() => {
        for (const { textContent } of document.querySelectorAll('.row .subject')) {
          const mark = /latency_[0-9]+/.exec(textContent);
          if (mark) window.seen(mark[0]);
        }
      }).observe(document.body, { subtree: true, childList: true, characterData: true });
    `);
    const took: number[] = [];
    for (let round = 0; round < LATENCY_ROUNDS; round++) {
      const mark = `latency_${round}`;
      // A denial is complete with its decision: it resolves with that one flush.
      await place.shop.act({ ...UNSCOPED_DELETE, template: `DELETE FROM ${mark}` });
      const durableAt = Date.now();
      await expect.poll(() => seenAt.has(mark), { interval: 5 }).toBe(true);
      took.push((seenAt.get(mark) ?? 0) - durableAt);
    }
    expect(Math.max(...took)).toBeLessThan(SEEN_MS_MAX);
  });

  test('a row says who did what to what, the verdict in words, the policy and the state of its proof', async () => {
    const page = await live();
    const { index } = await place.shop.act(UNSCOPED_DELETE);
    const shown = page.locator(`.row[data-index="${index}"]`);
    await shown.waitFor();
    const words = await shown.innerText();
    for (const word of [
      'denied',
      'alice',
      'sql.delete',
      'public.customers',
      'DELETE FROM customers',
      'sql-unscoped-write',
    ]) {
      expect(words).toContain(word);
    }
    await place.shop.signed();
    await shown.getByText('signed', { exact: true }).waitFor();
  });

  test('an allowed row gets its outcome as soon as there is one', async () => {
    const page = await live();
    const { index } = await place.shop.act({ ...UPDATE, rows: 3 });
    await page.locator(`.row[data-index="${index}"]`, { hasText: 'executed · 3 rows' }).waitFor();
  });

  test('the filters stand in the address, and the list holds what they say', async () => {
    const page = await live();
    await page.getByRole('button', { name: 'Denied', exact: true }).click();
    await page.waitForURL('**/?verdict=deny');
    await row(page, 'sql-unscoped-write').first().waitFor();
    expect(await row(page, 'allowed').count()).toBe(0);

    await row(page, 'agent-1').first().getByRole('button', { name: 'agent-1' }).click();
    await page.waitForURL('**/?verdict=deny&principal=agent-1');
    await page.getByRole('button', { name: 'remove the filter principal agent-1' }).waitFor();
    await expect.poll(() => row(page, 'alice').count()).toBe(0);

    await page.reload();
    await row(page, 'agent-1').first().waitFor();
    expect(await row(page, 'alice').count()).toBe(0);
    expect(await row(page, 'allowed').count()).toBe(0);
    await page.goBack();
    await row(page, 'alice').first().waitFor();
  });

  test('new entries wait behind a pill while somebody reads further down', async () => {
    const page = await live();
    await row(page, 'DELETE FROM customers').first().waitFor();
    await page.locator('.rows').hover();
    await page.mouse.wheel(0, 900);
    await expect
      .poll(() => page.locator('.rows').evaluate((rows) => rows.scrollTop))
      .toBeGreaterThan(500);
    const shown = await page.locator('.row').first().getAttribute('data-index');
    await place.shop.act(UNSCOPED_DELETE);
    await place.shop.act(READ);
    const pill = page.getByRole('button', { name: '2 new' });
    await pill.waitFor();
    expect(await page.locator('.row').first().getAttribute('data-index')).toBe(shown);
    await pill.click();
    await expect.poll(() => page.locator('.rows').evaluate((rows) => rows.scrollTop)).toBe(0);
    expect(await pill.count()).toBe(0);
  });

  test('j and k move, e opens, slash searches, Escape leaves', async () => {
    const page = await live();
    await row(page, 'DELETE FROM customers').first().waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    const current = await page.locator('.row.current').getAttribute('data-index');
    await page.keyboard.press('e');
    await page.waitForURL('**/entries/*');
    await page.getByText(`Entry ${current}`, { exact: false }).first().waitFor();
    await page.keyboard.press('k');
    await page
      .getByText(`Entry ${Number(current) + 1}`, { exact: false })
      .first()
      .waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => new URL(page.url()).pathname).toBe('/');
    await page.keyboard.press('/');
    await page.keyboard.type('group by');
    await page.waitForURL('**/?q=group+by');
    await expect.poll(() => row(page, 'DELETE').count()).toBe(0);
    await row(page, 'GROUP BY').first().waitFor();
  });

  test("a denial's address opens its entry: facts, policy text, message, and values as commitments", async () => {
    const { id } = await place.shop.act({ ...UNSCOPED_DELETE, values: ["'hunter2-secret'"] });
    const page = await place.open(`/entries/${id}`);
    const drawer = page.getByLabel('Entry', { exact: true });
    await drawer.getByText('This statement writes every row of the table.').first().waitFor();
    const words = await drawer.innerText();
    expect(words).toContain('Name the rows in WHERE.');
    expect(words).toMatch(/scope\s+none/);
    expect(words).toContain('forbid (');
    expect(words).toContain('Nothing happened: it was not sent on.');
    await drawer.getByText('2 commitments').click();
    await drawer.getByText('/literals/1', { exact: true }).waitFor();
    expect(await page.content()).not.toContain('hunter2');
    expect(words).not.toMatch(/verified by/i);
  });

  const verify = async (id: string, path = `/entries/${id}`) => {
    const page = await place.open(path);
    await page.getByRole('button', { name: 'Verify in this browser' }).click();
    await page.locator('.result').waitFor();
    return { page, result: await page.locator('.result').innerText() };
  };

  test('the browser verifies an entry from the tiles, step by step, and says what that is worth', async () => {
    const { id, index } = await place.shop.act(UNSCOPED_DELETE);
    await place.shop.signed();
    const { page, result } = await verify(id);
    expect(result).toContain(`Verified by this browser: entry ${index}`);
    const steps = await page.locator('.steps').innerText();
    for (const title of [
      'Signed checkpoint',
      'Entry in its bundle',
      'Leaf hash',
      'Path to the root',
    ])
      expect(steps).toContain(title);
    expect(await page.locator('.steps .bad').count()).toBe(0);
    const proof = await page.locator('.proof').innerText();
    expect(proof).toContain('a convenience, not an audit');
    for (const name of ['Download receipt', 'verify.html']) {
      const download = page.waitForEvent('download');
      await page.locator('.proof').getByRole('link', { name }).click();
      expect((await download).suggestedFilename()).toMatch(
        /^(entry-\d+\.tlog-proof|verify\.html)$/,
      );
    }
  });

  test('the whole log verifies in the browser, and again against the checkpoint that it kept', async () => {
    await place.shop.signed();
    const page = await place.open('/integrity');
    await page
      .getByText('rollback of the whole machine is not detected', { exact: false })
      .waitFor();
    const button = page.getByRole('button', { name: 'Verify in this browser' });
    await button.click();
    const result = page.locator('.result');
    await result.waitFor();
    expect(await result.innerText()).toMatch(/^Verified by this browser: [\d,]+ entries/);
    expect(await result.innerText()).toContain('self-consistent only');
    expect(await page.locator('.page').innerText()).toContain('a convenience, not an audit');
    await place.shop.act(READ);
    await place.shop.signed();
    await button.click();
    await page.getByText('consistent with your checkpoint at', { exact: false }).waitFor();
  });

  describe('when a file of the log is altered', () => {
    const altered = async (
      path: string,
      change: (bytes: Buffer) => void,
      look: () => Promise<void>,
    ) => {
      const file = join(place.shop.logDir, path);
      const good = readFileSync(file);
      const bad = Buffer.from(good);
      change(bad);
      expect(bad.equals(good)).toBe(false);
      writeFileSync(file, bad);
      try {
        await look();
      } finally {
        writeFileSync(file, good);
      }
    };
    const flip = (at: number) => (bytes: Buffer) => {
      bytes[at] = (bytes[at] ?? 0) ^ 1;
    };
    const edgeTile = (level: number | 'entries') => {
      const size = place.shop.log.checkpoint().size;
      const index = Math.floor(size / 256);
      return tilePath({ level, index, width: tileWidth(level, index, size) });
    };

    test('the drawer calls an altered tile out by its name and verifies nothing', async () => {
      const { id } = await place.shop.act(UNSCOPED_DELETE);
      await place.shop.signed();
      const path = edgeTile(0);
      await altered(path, flip(7), async () => {
        const { page, result } = await verify(id);
        expect(result).toContain('Not verified');
        expect(await page.locator('.steps .bad').innerText()).toContain(path);
        expect(await page.locator('.proof').innerText()).not.toMatch(/verified by this browser/i);
      });
    });

    test('the drawer calls an altered full tile out as the one', async () => {
      const page = await place.open('/entries/3');
      await altered('tile/0/000', flip(9 * 32), async () => {
        await page.getByRole('button', { name: 'Verify in this browser' }).click();
        await page.locator('.result').waitFor();
        expect(await page.locator('.steps .bad').innerText()).toContain('tile/0/000 was altered');
      });
    });

    test('the drawer calls an altered bundle out, whether or not it shows the altered entry', async () => {
      const replaced = (bytes: Buffer) => {
        bytes.write('malory', bytes.indexOf('mallory'));
      };
      const at = readFileSync(join(place.shop.logDir, 'tile/entries/000'));
      const index = entriesBefore(at, at.indexOf('mallory'));
      await altered('tile/entries/000', replaced, async () => {
        const { page, result } = await verify('', `/entries/${index}`);
        expect(result).toContain('Not verified');
        expect(await page.locator('.steps .bad').last().innerText()).toContain(
          `tile/entries/000 was altered: its entry ${index}`,
        );
      });
    });

    test('the whole check names the file and the entry, and the list shows damage as damage', async () => {
      const bytes = readFileSync(join(place.shop.logDir, 'tile/entries/000'));
      const at = bytes.indexOf('"id"', Math.floor(bytes.length / 2));
      const index = entriesBefore(bytes, at);
      await altered('tile/entries/000', flip(at), async () => {
        const page = await place.open('/integrity');
        await page.getByRole('button', { name: 'Verify in this browser' }).click();
        await page.locator('.result').waitFor();
        expect(await page.locator('.result').innerText()).toContain('Not verified');
        expect(await page.locator('.steps .bad').innerText()).toContain(
          `entry ${index} in tile/entries/000 was altered`,
        );
        const opened = await place.open(`/entries/${index}`);
        await opened.getByText(`entry ${index} cannot be read`, { exact: false }).waitFor();
        // The browser's own line about the answer's status.
        expect(place.complaints().join()).toContain('500');
      });
    });

    test('a log that was rewritten does not lead to the checkpoint that the browser kept', async () => {
      const page = await place.open('/integrity');
      const forged = readFileSync(join(place.shop.logDir, 'checkpoint'), 'utf8').replace(
        /^(.*\n)(\d+)\n/,
        (_, origin: string, size: string) => `${origin}${Number(size) - 1}\n`,
      );
      await altered(
        'checkpoint',
        (bytes) => bytes.write(forged),
        async () => {
          await page.getByRole('button', { name: 'Verify in this browser' }).click();
          await page.locator('.result').waitFor();
          expect(await page.locator('.result').innerText()).toContain('Not verified');
          expect(await page.locator('.steps .bad').first().innerText()).toContain('checkpoint');
        },
      );
    });
  });

  test('a lost daemon is said, what was there stays, and what happened meanwhile comes after it', async () => {
    const first = await openApi(place.options);
    const port = Number(new URL(first.url).port);
    const page = await place.open(`${first.url}/`);
    await page.locator('.connection.live').waitFor();
    await row(page, 'DELETE FROM customers').first().waitFor();
    await first.close();
    await page.getByText('The connection was lost', { exact: false }).waitFor();
    expect(await row(page, 'DELETE FROM customers').count()).toBeGreaterThan(0);
    const { index } = await place.shop.act({ ...READ, template: 'SELECT meanwhile' });
    const second = await openApi({ ...place.options, listen: { host: '127.0.0.1', port } });
    try {
      await page.locator(`.row[data-index="${index}"]`, { hasText: 'SELECT meanwhile' }).waitFor();
      await page.locator('.connection.live').waitFor();
      expect(await page.getByText('The connection was lost', { exact: false }).count()).toBe(0);
    } finally {
      await place.closePages();
      await second.close();
      expect(place.complaints().join()).toMatch(/ERR_|Failed to load/);
    }
  });

  test('a page that cannot load its entries says why, and goes on by itself', async () => {
    const page = await place.open('/policies');
    await page.route('**/api/entries*', (route) => route.abort());
    await page.getByRole('link', { name: 'Live' }).click();
    await page.getByText('The daemon does not answer. Is it running?').waitFor();
    await page.getByText('Disconnected').waitFor();
    await page.unroute('**/api/entries*');
    await row(page, 'DELETE FROM customers').first().waitFor();
    await page.locator('.connection.live').waitFor();
    expect(await page.getByText('The daemon does not answer. Is it running?').count()).toBe(0);
    expect(place.complaints().join()).toMatch(/Failed to load/);
  });

  test('nothing matching and no such entry are said, and not left blank', async () => {
    const page = await place.open('/?q=no-such-thing-anywhere');
    await page.getByText('Nothing matches').waitFor();
    await page.getByRole('button', { name: 'Clear the filters' }).click();
    await row(page, 'DELETE FROM customers').first().waitFor();
    const missing = await place.open('/entries/0198c0de-0000-7000-8000-000000000000');
    await missing.getByText('there is no entry 0198c0de', { exact: false }).waitFor();
    expect(place.complaints().join()).toContain('404');
  });

  test('the policies in force are listed with the digest that decisions name', async () => {
    const page = await place.open('/policies');
    await page.getByText(place.shop.policies.digest).waitFor();
    for (const { id } of place.shop.policies.policies) {
      expect(await page.getByText(id, { exact: true }).count()).toBeGreaterThan(0);
    }
  });

  test('what an entry holds is text: markup in a statement does not become part of the page', async () => {
    const markup = '<img src=x onerror="window.owned=1"><script>window.owned=1</script>';
    const { id } = await place.shop.act({
      ...UNSCOPED_DELETE,
      template: `DELETE FROM t ${markup}`,
    });
    const page = await place.open(`/entries/${id}`);
    await page.locator('.statement', { hasText: 'onerror' }).waitFor();
    expect(await page.evaluate('window.owned')).toBeUndefined();
    expect(await page.locator('.statement img').count()).toBe(0);
  });
});

/** Which entry of a bundle a byte belongs to. */
function entriesBefore(bundle: Buffer, at: number): number {
  let index = 0;
  for (let start = 0; ; index++) {
    const end = start + 2 + bundle.readUInt16BE(start);
    if (at < end) return index;
    start = end;
  }
}

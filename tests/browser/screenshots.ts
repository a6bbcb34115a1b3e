/**
 * Pictures of every page in both colour schemes and two sizes, for people to look at before a change of
 * the console is merged: `node tests/browser/screenshots.ts FOLDER`, after `npm run build`.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SHOP_STATEMENTS } from '../../packages/server/testing/shop-log.ts';
import { openPlace, VERIFY_HTML } from './place.ts';

const SIZES = [
  { name: 'wide', width: 1440, height: 900 },
  { name: 'narrow', width: 390, height: 844 },
] as const;
const SCHEMES = ['light', 'dark'] as const;
const SETTLED_MS = 700;

const folder = process.argv[2];
if (folder === undefined) throw new Error('a folder for the pictures is needed');
mkdirSync(folder, { recursive: true });

const place = await openPlace();
const { shop } = place;
let denied = '';
let allowed = '';
for (let round = 0; round < 40; round++) {
  for (const [at, statement] of SHOP_STATEMENTS.entries()) {
    const { id } = await shop.act(statement);
    if (at === 1) denied = id;
    if (at === 2) allowed = id;
  }
}
await shop.recorder.record(
  {
    kind: 'finding',
    rule: 'decision-without-outcome',
    severity: 'medium',
    message: '2 allowed actions have no outcome: what became of them is not known',
    about: [allowed],
  },
  {},
).durable;
const change = { before: '0'.repeat(64), after: shop.policies.digest, why: 'reloaded' };
await shop.recorder.record(
  { kind: 'change', what: 'policy-set', subject: 'policies', ...change },
  {},
).durable;
await shop.signed();
for (const statement of SHOP_STATEMENTS) await shop.act(statement);

const receipt = await shop.log.receipt(1);
const page = await place.open('/');
for (const { name, width, height } of SIZES) {
  await page.setViewportSize({ width, height });
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme });
    const shot = async (what: string, path: string, before?: () => Promise<unknown>) => {
      await page.goto(path.startsWith('file:') ? path : place.api.url + path);
      await page.waitForTimeout(SETTLED_MS);
      await before?.();
      await page.screenshot({ path: join(folder, `${what}-${name}-${colorScheme}.png`) });
    };
    const verify = async () => {
      await page.getByRole('button', { name: 'Verify in this browser' }).click();
      const result = page.locator('.result');
      await result.waitFor();
      await result.scrollIntoViewIfNeeded();
    };
    await shot('live', '/');
    await shot('denied', `/entries/${denied}`);
    await shot('proof', `/entries/${denied}`, verify);
    await shot('allowed', `/entries/${allowed}`);
    await shot('filtered', '/?verdict=deny&principal=agent-1');
    await shot('nothing', '/?q=no-such-thing');
    await shot('policies', '/policies');
    await shot('integrity', '/integrity', verify);
    await shot('auditor', pathToFileURL(VERIFY_HTML).href, async () => {
      const file = { name: 'entry-1.tlog-proof', mimeType: '', buffer: Buffer.from(receipt) };
      await page.locator('#receipt').setInputFiles(file);
      await page.locator('#key').fill(shop.log.vkey);
      await page.getByRole('button', { name: 'Verify' }).click();
      await page.locator('.result').waitFor();
    });
  }
}
await place.close();

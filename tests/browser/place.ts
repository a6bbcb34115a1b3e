/** A browser beside a real log and its API; each test file has its own. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { type Api, type ApiOptions, openApi } from '../../packages/server/src/api/api.ts';
import { openShopLog, type ShopLog } from '../../packages/server/testing/shop-log.ts';
import { launch } from './browser.ts';

export { ORIGIN } from '../../packages/server/testing/shop-log.ts';

const ASSETS = fileURLToPath(new URL('../../packages/server/assets/', import.meta.url));
export const VERIFY_HTML = join(ASSETS, 'verify.html');
const WIDE = { width: 1440, height: 900 };

export interface Place {
  readonly shop: ShopLog;
  readonly api: Api;
  /** For another API of the same log. */
  readonly options: ApiOptions;
  readonly browser: Browser;
  /** What pages complained about since the last look: an error on the console, a refused resource. */
  complaints(): string[];
  /** In a context of its own: what one test keeps in the browser, another does not see. */
  open(path: string, options?: BrowserContextOptions): Promise<Page>;
  closePages(): Promise<void>;
  close(): Promise<void>;
}

export async function openPlace(): Promise<Place> {
  const shop = await openShopLog();
  const options: ApiOptions = {
    listen: { host: '127.0.0.1', port: 0 },
    log: shop.log,
    recorder: shop.recorder,
    logDir: shop.logDir,
    policies: () => shop.policies,
    targets: () => shop.targets,
    durability: 'sync',
    assetsDir: ASSETS,
  };
  const api = await openApi(options);
  const browser = await launch();
  const complaints: string[] = [];
  const closePages = async () => {
    for (const context of browser.contexts()) await context.close();
  };
  return {
    shop,
    api,
    options,
    browser,
    complaints: () => complaints.splice(0),
    open: async (path, options = {}) => {
      const context = await browser.newContext({ viewport: WIDE, ...options });
      const page = await context.newPage();
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      await page.goto(path.startsWith('/') ? api.url + path : path);
      return page;
    },
    closePages,
    close: async () => {
      await closePages();
      await browser.close();
      await api.close();
      await shop.close();
    },
  };
}

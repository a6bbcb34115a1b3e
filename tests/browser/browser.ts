/** Debian's Chromium; tests that need it are skipped by name where there is none, unless it is required. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

export const hasBrowser = existsSync(executablePath);
if (!hasBrowser && process.env.SEALRAIL_BROWSER_REQUIRED === '1') {
  throw new Error(`a browser is required and is not at ${executablePath}`);
}

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

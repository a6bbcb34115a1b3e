import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { build, defineConfig, type Plugin, type UserConfig } from 'vite';
import { viteSingleFile } from 'vite-plugin-singlefile';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const ASSETS = path('../server/assets');

const shared = {
  root: path('.'),
  resolve: { alias: { '@sealrail/tlog/verify': path('../tlog/src/verify/index.ts') } },
} satisfies UserConfig;

/**
 * verify.html: one file that needs nothing else and may reach no network, for an auditor's own machine. Not
 * minified: whoever relies on it can read it.
 */
const auditor = {
  ...shared,
  configFile: false as const,
  plugins: [viteSingleFile({ removeViteModuleLoader: true })],
  build: {
    outDir: ASSETS,
    emptyOutDir: false,
    target: 'es2023',
    minify: false,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: path('verify.html') },
  },
};

/** Only the script and the style that were built in may run: whatever a receipt holds stays text. */
function sealPage(file: string): void {
  const html = readFileSync(file, 'utf8');
  const hashes = (tag: string) =>
    [...html.matchAll(new RegExp(`<${tag}[^>]*>([\\s\\S]*?)</${tag}>`, 'g'))]
      .map(([, text = '']) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`)
      .join(' ');
  const policy = [
    "default-src 'none'",
    `script-src ${hashes('script')}`,
    `style-src ${hashes('style')}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  writeFileSync(
    file,
    html.replace('CONTENT_SECURITY_POLICY', () => policy),
  );
}

function auditorsPage(): Plugin {
  return {
    name: 'auditors-page',
    apply: 'build',
    async closeBundle() {
      await build({ ...auditor, logLevel: 'warn' });
      sealPage(`${ASSETS}/verify.html`);
    },
  };
}

export default defineConfig({
  ...shared,
  plugins: [react(), auditorsPage()],
  server: { proxy: { '/api': 'http://127.0.0.1:7070', '/log': 'http://127.0.0.1:7070' } },
  build: {
    outDir: ASSETS,
    emptyOutDir: true,
    target: 'es2023',
    modulePreload: { polyfill: false },
  },
});

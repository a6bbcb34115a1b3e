import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { viteSingleFile } from 'vite-plugin-singlefile';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/**
 * Two builds into the server's assets: the console, and (`--mode verify`) verify.html, one file that needs
 * nothing else and may reach no network, for an auditor's own machine.
 */
export default defineConfig(({ mode }) => ({
  plugins: [
    react(),
    ...(mode === 'verify' ? [viteSingleFile({ removeViteModuleLoader: true })] : []),
  ],
  resolve: { alias: { '@sealrail/tlog/verify': path('../tlog/src/verify/index.ts') } },
  build: {
    outDir: path('../server/assets'),
    emptyOutDir: mode !== 'verify',
    target: 'es2023',
    modulePreload: { polyfill: false },
    rolldownOptions: { input: path(mode === 'verify' ? 'verify.html' : 'index.html') },
  },
}));

// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

import { devBackEnd } from './dev/plugin';

const OUT = '../turret_web/panel';

/** Writes a compressed file beside every asset; the gateway sends it to browsers that accept it. */
function precompress(): Plugin {
  let folder = '';
  return {
    name: 'precompress',
    apply: 'build',
    configResolved({ root, build }) { folder = join(root, build.outDir, 'assets'); },
    closeBundle() {
      for (const file of readdirSync(folder).filter((name) => /\.(js|css)$/.test(name))) {
        writeFileSync(join(folder, `${file}.gz`), gzipSync(readFileSync(join(folder, file)), { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  base: './',
  plugins: [devBackEnd(), precompress()],
  // With FIXED=1, as in tests, the page does not reload when a file changes.
  // Named here, so that the first page need not be reloaded after they were found.
  optimizeDeps: { include: ['preact', 'preact/hooks', 'preact/jsx-runtime', 'preact/jsx-dev-runtime', '@preact/signals', 'roslib', 'uplot'] },
  server: { host: '127.0.0.1', port: 5173, ...(process.env['FIXED'] === '1' ? { hmr: false, watch: null } : {}) },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: 'es2022',
    // A strict content security policy admits no data: URLs, so nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 800,
  },
  test: {
    include: ['{src,test}/**/*.test.{ts,tsx}'],
    testTimeout: 30_000, // a busy machine is not a fault
    coverage: {
      include: ['src/**'], exclude: ['src/generated/**'], reporter: ['text-summary'], reportsDirectory: 'node_modules/.coverage',
      thresholds: { statements: 85 },
    },
  },
});

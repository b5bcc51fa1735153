import { defineConfig } from 'vitest/config';

export default defineConfig({
  base: './',
  build: {
    outDir: '../turret_web/panel',
    emptyOutDir: true,
    target: 'es2023',
    // A strict content security policy admits no data: URLs, so nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 800,
  },
  test: { include: ['test/**/*.test.ts'] },
});

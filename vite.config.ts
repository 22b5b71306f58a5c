import { defineConfig } from 'vitest/config';

const root = import.meta.dirname;

export default defineConfig({
  root: `${root}/src/app`,
  publicDir: `${root}/public`,
  base: './',
  worker: { format: 'es' },
  build: { outDir: `${root}/dist`, emptyOutDir: true, target: 'es2023' },
  server: { fs: { allow: [root] } },
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'node', root, include: ['src/**/*.test.ts'], exclude: ['src/**/*.gpu.test.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'dawn',
          root,
          include: ['src/**/*.gpu.test.ts'],
          setupFiles: ['src/testing/dawn.ts'],
          pool: 'forks',
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});

import { defineConfig } from 'vitest/config';
import { vulkanEnvironment } from './src/cli/bootstrap/vulkan.mjs';

const root = import.meta.dirname;

export default defineConfig({
  root: `${root}/src/app`,
  publicDir: `${root}/public`,
  cacheDir: `${root}/node_modules/.vite`,
  base: './',
  worker: { format: 'es' },
  build: {
    outDir: `${root}/dist`,
    emptyOutDir: true,
    target: 'es2023',
    rolldownOptions: { input: { index: `${root}/src/app/index.html`, bench: `${root}/src/app/bench.html` } },
    // BAMBA_COPY_PUBLIC=0 leaves models and icons where they are, for a server of both folders.
    copyPublicDir: process.env['BAMBA_COPY_PUBLIC'] !== '0',
  },
  server: { fs: { allow: [root] } },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          root,
          include: ['src/**/*.test.ts', 'src/cli/bootstrap/*.test.mjs'],
          exclude: ['src/**/*.gpu.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'dawn',
          root,
          include: ['src/**/*.gpu.test.ts'],
          setupFiles: [`${root}/src/testing/dawn.ts`],
          // Forked processes get `env` when they start, early enough for LD_LIBRARY_PATH; threads would not.
          // SwiftShader even where a GPU is: the same on every machine (BAMBA_GPU=native takes the GPU).
          pool: 'forks',
          env: vulkanEnvironment('software'),
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});

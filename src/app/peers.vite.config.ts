import { join } from 'node:path';
import { defineConfig } from 'vite';

// The page that compares runtimes, in a folder of its own: other runtimes' packages are part of nothing else that is
// built. Threads of runtimes on the CPU take the headers, from whatever server there is.

const root = join(import.meta.dirname, '..', '..');
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

export default defineConfig({
  root: import.meta.dirname,
  publicDir: false,
  cacheDir: join(root, 'node_modules', '.vite-peers'),
  base: './',
  worker: { format: 'es' },
  build: {
    outDir: join(root, 'dist-peers'),
    emptyOutDir: true,
    target: 'es2023',
    rolldownOptions: { input: join(import.meta.dirname, 'peers.html') },
  },
  server: { headers, fs: { allow: [root] } },
  preview: { headers },
});

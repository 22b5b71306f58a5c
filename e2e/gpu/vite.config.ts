import { defineConfig } from 'vite';

// Pages that measure on a real GPU, apart from the app: `npx vite build --config e2e/gpu/vite.config.ts` puts them into
// e2e/gpu/dist. Serve that folder together with the models that a page is to load.
export default defineConfig({
  root: import.meta.dirname,
  publicDir: false,
  cacheDir: `${import.meta.dirname}/../../node_modules/.vite-gpu`,
  base: './',
  build: {
    outDir: `${import.meta.dirname}/dist`,
    emptyOutDir: true,
    target: 'es2023',
    rolldownOptions: {
      input: ['chats', 'matrices', 'perplexity', 'states'].map((page) => `${import.meta.dirname}/${page}.html`),
    },
  },
});

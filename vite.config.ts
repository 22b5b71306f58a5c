import { svelte } from '@sveltejs/vite-plugin-svelte';
import vue from '@vitejs/plugin-vue';
import { VitePWA } from 'vite-plugin-pwa';
import { defineConfig } from 'vitest/config';
import { Notices } from './src/tools/package/notices.mjs';
import { withIntegrity } from './src/tools/package/with-integrity.mjs';
import { vulkanEnvironment } from './src/tools/machine/vulkan.mjs';
import { LongestFirst } from './src/testing/longest-first.ts';

const root = import.meta.dirname;

/**
 * All pages: the app, what helps where the app does not open, the benchmark, the cost model, evaluations, comparisons, the examples. Those in frameworks are built
 * from the package, by its test; `npm run dev` serves them, too.
 */
const pages = [
  'index',
  'reset',
  'bench',
  'plan',
  'eval',
  'compare',
  ...['element', 'two', 'dressed', 'engine'].map((name) => `examples/${name}`),
].map((name) => `${root}/src/app/${name}.html`);

/** What the examples in Vue and Svelte are compiled with; JSX Vite knows by itself. */
const frameworks = () => [
  vue({ template: { compilerOptions: { isCustomElement: (tag) => tag === 'bamba-chat' } } }),
  svelte({ configFile: false }),
];

/** Licences of all that the pages, their workers and the service worker are made of. */
const notices = new Notices(root);

/** The page as an app. Its shell is kept by a service worker; weights are kept in IndexedDB, by the engine. */
const pwa = () =>
  VitePWA({
    // A newer version waits until the person takes it.
    registerType: 'prompt',
    // main.ts registers it: the page's security policy allows no inline script.
    injectRegister: null,
    strategies: 'injectManifest',
    srcDir: '.',
    filename: 'sw.ts',
    // Only what the list below has is kept, each file with its hash.
    includeManifestIcons: false,
    manifest: {
      name: 'Lexicon: a language model in your browser',
      short_name: 'Lexicon',
      description: 'Chat with a language model on your own GPU. Nothing you type leaves your machine.',
      lang: 'en',
      dir: 'ltr',
      id: './',
      start_url: './',
      scope: './',
      display: 'standalone',
      theme_color: '#f8f6f1',
      background_color: '#f8f6f1',
      categories: ['productivity', 'education', 'utilities'],
      icons: [
        { src: './icons/bamba.svg', sizes: 'any', type: 'image/svg+xml', purpose: 'any' },
        { src: './icons/bamba-192.png', sizes: '192x192', type: 'image/png', purpose: 'any' },
        { src: './icons/bamba-512.png', sizes: '512x512', type: 'image/png', purpose: 'any' },
        { src: './icons/maskable-192.png', sizes: '192x192', type: 'image/png', purpose: 'maskable' },
        { src: './icons/maskable-512.png', sizes: '512x512', type: 'image/png', purpose: 'maskable' },
      ],
      screenshots: [
        {
          src: './screenshots/chat-light.png',
          sizes: '1280x800',
          type: 'image/png',
          form_factor: 'wide',
          label: 'A chat with Lexicon',
        },
        {
          src: './screenshots/phone-light.png',
          sizes: '390x844',
          type: 'image/png',
          form_factor: 'narrow',
          label: 'A chat with Lexicon on a phone',
        },
      ],
    },
    injectManifest: {
      globPatterns: ['**/*.{js,css,html,svg,webmanifest}', 'icons/*.png', 'tasks/*.jsonl'],
      // What helps where the kept files do not comes from the network.
      globIgnores: ['models/**', 'screenshots/**', 'examples/**', 'reset.html', 'assets/reset-????????.{js,css}'],
      // The engine is one file: its worker is inlined.
      maximumFileSizeToCacheInBytes: 16 * 2 ** 20,
      manifestTransforms: [withIntegrity(`${root}/dist`)],
    },
    // Of the worker's own build nobody wants to hear unless it fails.
    integration: { configureCustomSWViteBuild: (config) => void (config.logLevel = 'warn') },
  });

export default defineConfig(({ mode }) => ({
  root: `${root}/src/app`,
  publicDir: `${root}/public`,
  cacheDir: `${root}/node_modules/.vite`,
  base: './',
  plugins: process.env['VITEST'] ? [] : [pwa(), ...frameworks(), notices.plugin({ emit: true })],
  // The examples import the package by its name.
  resolve: {
    alias: [
      { find: /^bamba-web$/, replacement: `${root}/src/index.ts` },
      { find: 'bamba-web/define', replacement: `${root}/src/element/define.ts` },
      { find: /^bamba-web\/(react|svelte|vue)$/, replacement: `${root}/src/element/frameworks/$1.ts` },
    ],
  },
  worker: { format: 'es', plugins: () => [notices.plugin()] },
  build: {
    outDir: `${root}/dist`,
    emptyOutDir: true,
    target: 'es2023',
    // Every browser with WebGPU knows it, and each page is to stand on its own files.
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: pages,
      // What only examples need lies with them, and is not kept for the app.
      output: {
        entryFileNames: ({ facadeModuleId }) =>
          `${facadeModuleId?.includes('/examples/') ? 'examples/' : ''}assets/[name]-[hash].js`,
      },
    },
    // BAMBA_COPY_PUBLIC=0 leaves models and icons where they are, for a server of both folders.
    copyPublicDir: process.env['BAMBA_COPY_PUBLIC'] !== '0',
  },
  server: { fs: { allow: [root] } },
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          root,
          include: ['src/**/*.test.ts', 'src/tools/**/*.test.mjs'],
          exclude: ['src/**/*.gpu.test.ts'],
          setupFiles: [`${root}/src/testing/typed-arrays.ts`],
          // The GPU tests, which run beside these, may leave them little of a processor.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'firefox',
          root,
          include: ['e2e/firefox/*.firefox.ts'],
          // One browser at a time: SwiftShader takes what processors there are.
          fileParallelism: false,
          hookTimeout: 600_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'dawn',
          root,
          include: ['src/**/*.gpu.test.ts'],
          setupFiles: [`${root}/src/testing/typed-arrays.ts`, `${root}/src/testing/dawn.ts`],
          // Forked processes get `env` when they start, early enough for LD_LIBRARY_PATH; threads would not.
          // SwiftShader even where a GPU is: the same on every machine (BAMBA_GPU=native takes the GPU).
          pool: 'forks',
          // Files share their process: on SwiftShader, compiling the same shaders again would take longer than most tests.
          isolate: false,
          // A project does not hear of --mode by itself.
          env: { ...vulkanEnvironment('software'), BAMBA_ALL_CHATS: mode === 'all-chats' ? '1' : '' },
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
}));

// A project after the manual: with the package as npm packs and installs it, pages in every framework, and a server of them.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, extname, join, normalize } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import vue from '@vitejs/plugin-vue';
import { build } from 'vite';
import { quickCheckpoint } from '../src/testing/models/quick-model.ts';
import { installPackage } from './installed-package.ts';

const ROOT = join(import.meta.dirname, '..');

const document = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The first page of the manual. */
export const README = document('README.md');

/** The manual of the element. */
export const ELEMENT = document('docs/ELEMENT.md');

/** The manual of servers and security policies. */
export const HOSTING = document('docs/HOSTING.md');

/** The section of the manual that the project follows. */
const FIRST_STEPS = 'In a project of your own';

/** The installed packages of a project with these frameworks. */
const FRAMEWORKS = ['@types/react', '@types/react-dom', 'preact', 'react', 'react-dom', 'solid-js', 'svelte', 'vue'];

/** Pages that Vite builds. */
const PAGES = ['index', 'tiny', ...['element', 'engine', 'react', 'vue', 'svelte'].map((name) => `examples/${name}`)];

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
};

/** The first block of code of a language in the manual's first steps. */
export function shown(language: string): string {
  const [, section = ''] = README.split(`\n## ${FIRST_STEPS}\n`);
  const [, code] = new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(section) ?? [];
  if (code === undefined) throw new Error(`README.md shows no ${language} below ${FIRST_STEPS}.`);
  return code;
}

/** A project's tsconfig.json, in strict TypeScript. */
function tsconfig(resolution: 'bundler' | 'node16', include: readonly string[], options: object): string {
  const module = resolution === 'bundler' ? 'esnext' : 'node16';
  const compiler = { module, moduleResolution: resolution, target: 'es2023', lib: ['ES2023', 'DOM', 'DOM.Iterable'] };
  const strict = { strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true };
  const other = { jsx: 'react-jsx', types: [], noEmit: true, allowImportingTsExtensions: true };
  return JSON.stringify({ compilerOptions: { ...compiler, ...strict, ...other, ...options }, include });
}

const ALL = ['src', 'examples'];

/** Ways of checking the project: by how modules are found, and once with the package's own declarations. */
export const TSCONFIGS = {
  bundler: tsconfig('bundler', ALL, { skipLibCheck: true }),
  node16: tsconfig('node16', ALL, { skipLibCheck: true }),
  // Declarations of frameworks and of the platform are not ours to check, and would take seconds.
  declarations: tsconfig('node16', ['src/lines.ts', 'src/consumer/plain.ts'], { skipDefaultLibCheck: true }),
} as const;

/** The project and its server. */
export class ConsumerProject {
  readonly folder = mkdtempSync(join(tmpdir(), 'bamba-web-package-'));
  /** Security policies, by path without the query. */
  readonly policies = new Map<string, string>();
  /** Where it is served from. */
  origin = '';
  /** Of the installed package. */
  files: readonly string[] = [];
  readonly #server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://x').pathname);
    try {
      // Models lie where a development server has them.
      const body = readFileSync(join(this.folder, path.startsWith('/models/') ? 'public' : '', path));
      const policy = this.policies.get(path);
      response.writeHead(200, {
        'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
        'content-length': body.length,
        ...(policy === undefined ? {} : { 'content-security-policy': policy }),
      });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });

  /** Installs the package, builds the pages, and serves all of it. */
  async open(): Promise<void> {
    this.#writeSources();
    this.files = installPackage(this.folder, FRAMEWORKS);
    await this.#build();
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    const address = this.#server.address();
    this.origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  }

  write(path: string, text: string | Uint8Array): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }

  /** A module that the tiny model's page has, and what it shows something in. */
  writePage(name: string, head: string, module: string): void {
    const page = `<!doctype html><title>${name}</title><output></output>${head}`;
    this.write(`${name}.html`, `${page}<script type="module" src="./${name}.js"></script>`);
    this.write(`${name}.js`, module);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #writeSources(): void {
    this.write('package.json', JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
    for (const [name, text] of Object.entries(TSCONFIGS)) this.write(`tsconfig.${name}.json`, text);
    this.write('index.html', '<!doctype html><title>Lines</title><script type="module" src="./src/lines.ts"></script>');
    this.write('src/lines.ts', shown('ts'));
    cpSync(join(ROOT, 'e2e/consumer'), join(this.folder, 'src/consumer'), { recursive: true });
    cpSync(join(ROOT, 'src/app/examples'), join(this.folder, 'examples'), { recursive: true });
    for (const [name, bytes] of Object.entries(quickCheckpoint())) this.write(`public/models/tiny/${name}`, bytes);
  }

  async #build(): Promise<void> {
    await build({
      configFile: false,
      root: this.folder,
      base: './',
      logLevel: 'warn',
      plugins: [
        vue({ template: { compilerOptions: { isCustomElement: (tag) => tag === 'bamba-chat' } } }),
        svelte({ configFile: false }),
      ],
      build: {
        target: 'es2023',
        copyPublicDir: false,
        modulePreload: { polyfill: false },
        rolldownOptions: { input: PAGES.map((name) => join(this.folder, `${name}.html`)) },
      },
    });
  }
}

// The package as it is published: packed, installed in a scratch project, and run in pages that are not ours.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, extname, join, normalize } from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import { build } from 'vite';

const root = join(import.meta.dirname, '..');
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
};

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
};

/** Answers a question with the engine, and shows it; errors too. The query is `int8` for activations of int8. */
const ASK = `
  if (location.search === '?int8') options.int8Activations = true;
  const show = (text) => { document.querySelector('output').textContent = text; };
  try {
    const engine = await createEngine({ model: '/models/lexicon/', ...options });
    const { choices } = await engine.chat.completions.create({
      messages: [{ role: 'user', content: 'What is the capital of France?' }],
      max_tokens: 16,
    });
    show(choices[0].message.content);
    await engine.dispose();
  } catch (error) {
    show(String(error));
  }
`;

let scratch: string;
let server: Server;
let origin: string;
/** By path, without the query. */
const policies = new Map<string, string>();

/** The package in a folder's node_modules, with what it depends on. */
function install(folder: string): void {
  const modules = join(folder, 'node_modules');
  mkdirSync(modules, { recursive: true });
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: root,
    shell: process.platform === 'win32',
  });
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  execFileSync('tar', ['-xzf', join(folder, `bamba-web-${version}.tgz`), '-C', folder]);
  cpSync(join(folder, 'package'), join(modules, 'bamba-web'), { recursive: true });
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(modules, name), 'junction');
  }
}

test.beforeAll(async () => {
  if (!process.env['BAMBA_E2E_BUILT']) {
    execFileSync(process.execPath, [join(root, 'src/cli/bootstrap/build-library.mjs')], { stdio: 'inherit' });
  }
  scratch = mkdtempSync(join(tmpdir(), 'bamba-web-package-'));
  install(scratch);
  server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://x').pathname);
    const file = path.startsWith('/models/') ? join(root, 'public', path) : join(scratch, path);
    try {
      const body = readFileSync(file);
      const policy = policies.get(path);
      response.writeHead(200, {
        'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
        ...(policy === undefined ? {} : { 'content-security-policy': policy }),
      });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
});

test.afterAll(() => {
  server?.close();
  if (scratch) rmSync(scratch, { recursive: true, force: true });
});

test('has the licences of what it bundles', () => {
  const text = readFileSync(join(scratch, 'node_modules/bamba-web/dist-lib/THIRD-PARTY-NOTICES.txt'), 'utf8');
  // The worker has these inside; the other dependencies are installed beside the package.
  for (const name of ['comlink', 'idb', 'valibot']) {
    expect(text).toContain(`\n${name} `);
    expect(text).toContain(
      readFileSync(join(root, 'node_modules', name, name === 'valibot' ? 'LICENSE.md' : 'LICENSE'), 'utf8').trim(),
    );
  }
});

/** @param look what else to look at before nothing must have been refused */
async function expectParis(page: Page, path: string, look = async (): Promise<void> => {}): Promise<void> {
  const violations: string[] = [];
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) violations.push(message.text());
  });
  await page.goto(`${origin}${path}`);
  await expect(page.locator('output')).toHaveText(/Paris/, { timeout: 120_000 });
  await look();
  expect(violations).toEqual([]);
}

test('in a Vite project, with the inlined worker and the element, under the policy of the manual', async ({ page }) => {
  const project = join(scratch, 'project');
  mkdirSync(project);
  writeFileSync(
    join(project, 'index.html'),
    '<!doctype html><title>Vite</title><output></output><bamba-chat preload="none" model="/models/lexicon/"></bamba-chat><script type="module" src="./main.js"></script>',
  );
  writeFileSync(
    join(project, 'main.js'),
    `import 'bamba-web/define';\nimport { createEngine } from 'bamba-web';\nconst options = {};\n${ASK}`,
  );
  await build({ configFile: false, root: project, base: './', logLevel: 'warn', build: { target: 'es2023' } });
  const [, policy] = /```text\n(default-src .*)\n```/.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? [];
  policies.set('/project/dist/index.html', policy ?? 'missing');
  await expectParis(page, '/project/dist/index.html', async () => {
    // It has not loaded a model, as nobody has asked it, and has its styles.
    await expect(page.getByRole('button', { name: 'Load the model' })).toHaveCSS('font-weight', '600');
    await page.getByRole('button', { name: 'Settings' }).click();
    await expect(page.getByRole('dialog', { name: 'Settings' })).toBeVisible();
  });
  await expectParis(page, '/project/dist/index.html?int8');
});

test('in a plain page, with the worker of its own file', async ({ page }) => {
  const map = JSON.stringify({
    imports: {
      'bamba-web': '/node_modules/bamba-web/dist-lib/index.js',
      comlink: '/node_modules/comlink/dist/esm/comlink.mjs',
      idb: '/node_modules/idb/build/index.js',
      valibot: '/node_modules/valibot/dist/index.mjs',
    },
  });
  writeFileSync(
    join(scratch, 'plain.html'),
    `<!doctype html><title>Plain</title><output></output><script type="importmap">${map}</script><script type="module" src="/plain.js"></script>`,
  );
  writeFileSync(
    join(scratch, 'plain.js'),
    `import { createEngine } from 'bamba-web';\nconst options = { worker: '/node_modules/bamba-web/dist-lib/worker.js' };\n${ASK}`,
  );
  const hash = createHash('sha256').update(map).digest('base64');
  policies.set(
    '/plain.html',
    `default-src 'none'; script-src 'self' 'sha256-${hash}'; worker-src 'self'; connect-src 'self'`,
  );
  await expectParis(page, '/plain.html');
  await expectParis(page, '/plain.html?int8');
});

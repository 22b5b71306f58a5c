// The package as it is published. It is packed, installed as the manual says, checked in strict TypeScript, built by Vite,
// and run in foreign pages.

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import { packageFaults } from '../src/tools/package/packed.mjs';
import { NO_SPECIAL } from '../src/testing/models/tiny-model.ts';
import { ConsumerProject, ELEMENT, HOSTING, README, shown, TSCONFIGS } from './consumer-project.ts';
import { requests, scriptEngine, words } from './scripted-engine.ts';
import { chat } from './ui-test.ts';

const ROOT = join(import.meta.dirname, '..');

/** Asks a quick model, and shows how many tokens the answer has; errors too. `?exact`: computed exactly. */
const ASK = `
  if (location.search === '?exact') options.precision = 'exact';
  const show = (text) => { document.querySelector('output').textContent = text; };
  try {
    const engine = await createEngine({ model: '/models/tiny/', dtype: 'int8', ...options });
    const { usage } = await engine.chat.completions.create({
      messages: [{ role: 'user', content: 'Hello?' }],
      logit_bias: ${JSON.stringify(NO_SPECIAL)},
      max_tokens: 16,
    });
    show(usage.completion_tokens + ' tokens');
    await engine.dispose();
  } catch (error) {
    show(String(error));
  }
`;

let project: ConsumerProject;

test.beforeAll(async () => {
  if (!process.env['BAMBA_E2E_BUILT']) {
    execFileSync(process.execPath, [join(ROOT, 'src/tools/package/build-library.mjs')], { stdio: 'inherit' });
  }
  project = new ConsumerProject();
  project.writePage(
    'tiny',
    '<bamba-chat preload="none" model="/models/tiny/"></bamba-chat>',
    `import 'bamba-web/define';\nimport { createEngine } from 'bamba-web';\nconst options = {};\n${ASK}`,
  );
  await project.open();
});

test.afterAll(() => project?.close());

test('has all that it names, links that lead somewhere, and the licences of what it bundles', () => {
  const own = join(project.folder, 'node_modules/bamba-web');
  expect(packageFaults(own, project.files)).toEqual([]);
  const text = readFileSync(join(own, 'dist-lib/THIRD-PARTY-NOTICES.txt'), 'utf8');
  // The worker and the standalone build have these inside; beside the other modules they are installed.
  for (const name of ['comlink', 'dompurify', 'highlight.js', 'idb', 'lit', 'marked', 'temml', 'valibot']) {
    expect(text).toContain(`\n${name} `);
    expect(text).toContain(licenceOf(join(ROOT, 'node_modules', name)));
  }
});

function licenceOf(folder: string): string {
  const name = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file)) ?? 'LICENSE';
  return readFileSync(join(folder, name), 'utf8').trim();
}

for (const name of Object.keys(TSCONFIGS)) {
  test(`in strict TypeScript: ${name}`, () => {
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const args = [tsc, '--project', join(project.folder, `tsconfig.${name}.json`)];
    const { status, stdout } = spawnSync(process.execPath, args, { cwd: project.folder, encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  });
}

test('the five lines of the manual show what it says, with Lexicon from the command that it names', async ({
  page,
}) => {
  const commands = shown('sh');
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  expect(commands).toContain(`bamba-web-${version}.tgz\n`);
  expect(commands).toContain('npm run lexicon -- ../my-app/public/models');
  execFileSync(process.execPath, [join(ROOT, 'src/cli/run.mjs'), 'lexicon', 'public/models'], { cwd: project.folder });
  await page.goto(`${project.origin}/dist/index.html`);
  const [, said = ''] = /the page says:\n\n> (.+)\n/.exec(README) ?? [];
  await expect(page.locator('body')).toHaveText(said, { timeout: 120_000 });
});

/** Addresses that pages ask for, of what only options load. */
function onDemand(page: Page): string[] {
  const asked: string[] = [];
  page.on('request', (request) => {
    if (/on-demand-[^/]*\.js$/.test(request.url())) asked.push(request.url());
  });
  return asked;
}

/** @param look what else to look at before nothing must have been refused */
async function expectAnswer(page: Page, path: string, look = async (): Promise<void> => {}): Promise<void> {
  const violations: string[] = [];
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) violations.push(message.text());
  });
  await page.goto(`${project.origin}${path}`);
  await expect(page.locator('output')).not.toBeEmpty({ timeout: 120_000 });
  await expect(page.locator('output')).toHaveText('16 tokens', { timeout: 1000 });
  await look();
  expect(violations).toEqual([]);
}

test('in a Vite project, with the inlined worker and the element, under the policy of the manual', async ({ page }) => {
  const [, policy] = /```text\n(default-src .*)\n```/.exec(HOSTING) ?? [];
  project.policies.set('/dist/tiny.html', policy ?? 'missing');
  const asked = onDemand(page);
  await expectAnswer(page, '/dist/tiny.html', async () => {
    // It has not loaded a model, as nobody has asked it, and has its styles.
    await expect(page.getByRole('button', { name: 'Load the model' })).toHaveCSS('font-weight', '600');
    await page.getByRole('button', { name: 'Settings' }).click();
    await expect(page.getByRole('dialog', { name: 'Settings' })).toBeVisible();
    expect(asked).toEqual([]);
    // The parts for code and formulas in answers are fetched for the first of them.
    await page.locator('bamba-chat').evaluate((element: Element & { messages?: unknown }) => {
      const content = '```js\nlet x = 1;\n```\n\nAnd $x^2$.';
      element.messages = [
        { role: 'user', content: 'Code?' },
        { role: 'assistant', content },
      ];
    });
    await expect(page.locator('.word-keyword')).toHaveText('let');
    await expect(page.locator('.formula math msup')).toHaveCount(1);
  });
  expect(asked).toHaveLength(2);
  for (const part of ['code', 'math']) expect(asked.join()).toContain(`on-demand-${part}`);
  await expectAnswer(page, '/dist/tiny.html?exact');
});

for (const [framework, component] of [
  ['React', 'react/Chat.tsx'],
  ['Vue', 'vue/Chat.vue'],
  ['Svelte', 'svelte/Chat.svelte'],
] as const) {
  test(`in ${framework}, as the manual shows it: attributes, properties, events`, async ({ page }) => {
    expect(ELEMENT).toContain(readFileSync(join(project.folder, 'examples', component), 'utf8'));
    await scriptEngine(page, { answers: { 'What is an apple?': { pieces: words('A round fruit.') } } });
    await page.goto(`${project.origin}/dist/examples/${framework.toLowerCase()}.html`);
    await page.getByRole('button', { name: 'What is an apple?' }).click();
    await expect(chat(page).answers).toHaveText('A round fruit.');
    await expect(page.locator('#last')).toHaveText('A round fruit.');
    expect(await requests(page)).toMatchObject([{ temperature: 0.7 }]);
    expect(await page.evaluate(() => window.engineProbe.loads)).toMatchObject([
      { model: expect.stringMatching(/\/models\/lexicon\/$/) },
    ]);
    await expect(page.getByRole('button', { name: 'Chats', exact: true })).toBeVisible();
    await expect(page.getByRole('button', { name: /^Models/ })).toHaveCount(0);
  });
}

test('in a static page, one file is the element with its engine, and the library', async ({ page }) => {
  const scripts: string[] = [];
  page.on('request', (request) => {
    if (/\.m?js$/.test(request.url())) scripts.push(new URL(request.url()).pathname);
  });
  project.write(
    'static.html',
    shown('html').replace('/models/lexicon/', '/models/tiny/') + '<script type="module" src="/static.js"></script>',
  );
  const file = '/node_modules/bamba-web/dist-lib/standalone.js';
  project.write(
    'static.js',
    `import { BambaChat, createEngine } from '${file}';\nif (document.querySelector('bamba-chat') instanceof BambaChat) document.title = typeof createEngine;`,
  );
  project.policies.set(
    '/static.html',
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; worker-src blob:; connect-src 'self'",
  );
  await page.goto(`${project.origin}/static.html`);
  await expect(page).toHaveTitle('function');
  const counted = await page.evaluate(async () => {
    const element = document.querySelector('bamba-chat')!;
    element.maxTokens = 8;
    return (await element.ask('Hello?')).usage?.completionTokens;
  });
  expect(counted).toBeGreaterThan(0);
  await expect(chat(page).answers).toHaveCount(1);
  expect(scripts.toSorted()).toEqual([file, '/static.js']);
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
  project.writePage(
    'plain',
    `<script type="importmap">${map}</script>`,
    `import { createEngine } from 'bamba-web';\nconst options = { worker: '/node_modules/bamba-web/dist-lib/worker.js' };\n${ASK}`,
  );
  const hash = createHash('sha256').update(map).digest('base64');
  project.policies.set(
    '/plain.html',
    `default-src 'none'; script-src 'self' 'sha256-${hash}'; worker-src 'self'; connect-src 'self'`,
  );
  await expectAnswer(page, '/plain.html');
  await expectAnswer(page, '/plain.html?exact');
});

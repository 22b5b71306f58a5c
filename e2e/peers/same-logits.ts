// Other runtimes beside ours, with the same weights, on a model so small that the CPU can play the GPU. Their graphs and
// files are right where their logits are ours.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page, test } from '@playwright/test';
import { preview, type PreviewServer } from 'vite';
import type { PeersResult } from '../../src/bench/peers/result.ts';
import { chromiumFlags } from '../../src/tools/machine/chromium-flags.ts';
import { chromiumPath } from '../../src/testing/browser/chromium.ts';

const root = join(import.meta.dirname, '../..');
const configFile = join(root, 'src', 'app', 'peers.vite.config.ts');

// Kernels of others count on workgroup memory that is cleared.
test.use({ launchOptions: { executablePath: chromiumPath(), args: chromiumFlags('swiftshader-standard') } });

let server: PreviewServer;
test.beforeAll(async () => {
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  await promisify(execFile)(process.execPath, [vite, 'build', '--config', configFile, '--logLevel', 'warn'], {
    cwd: root,
    env: { ...process.env, NODE_ENV: 'production' },
  });
  server = await preview({ configFile, logLevel: 'warn', preview: { host: '127.0.0.1', port: 0 } });
});
test.afterAll(() => server?.close());

/** Opens the page and waits for its result. */
async function compare(page: Page): Promise<PeersResult> {
  const query = 'shape=tiny&runtimes=onnx-f32,wllama&prefills=20&contexts=24&tokens=4&runs=1&patience=200';
  await page.goto(new URL(`peers.html?${query}`, server.resolvedUrls!.local[0]).href);
  return (await page.evaluate('window.__result')) as PeersResult;
}

test('compares runtimes that compute the same', async ({ context }) => {
  test.setTimeout(480_000);
  let page = await context.newPage();
  const result = await compare(page).catch(async (error: Error) => {
    // WebAssembly of others, with threads of its own, has taken the whole page down once in many runs.
    if (!error.message.includes('crashed')) throw error;
    console.warn(`The page crashed, and is tried once more: ${error.message}`);
    page = await context.newPage();
    return compare(page);
  });
  expect(result.crossOriginIsolated).toBe(true);
  const [onnx, wllama] = result.models[0]!.runtimes;
  // Both compute in f32 what we do; wllama's CPU rounds activations to 8 bits in blocks.
  expect(onnx!.difference).toBeLessThan(1e-5);
  expect(wllama!.difference).toBeLessThan(0.04);
  for (const { load, firstToken, prefill, decode } of [onnx!, wllama!]) {
    const figures = [load, firstToken, prefill[0]!.figure, decode[0]!.figure];
    expect(figures.filter((figure) => 'error' in figure || !(figure.seconds > 0))).toEqual([]);
  }
  expect(onnx!.backend).toBe('WebGPU');
  expect(onnx!.dispatchesPerToken).toBeGreaterThan(30);
  expect(result.features).not.toContain('shader-f16');
  expect(wllama!.backend).toMatch(/^CPU, \d+ threads?: the adapter has no shader-f16$/);
  await expect(page.getByRole('table', { name: 'tiny int8, the same weights in each' })).toBeVisible();
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
});

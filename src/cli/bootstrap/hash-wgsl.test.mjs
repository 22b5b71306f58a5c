import { appendFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { expect, it, onTestFinished } from 'vitest';
import { hashShaders, hashWgsl } from './hash-wgsl.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const shaders = join(root, 'shaders');

it.each(['relu2.wgsl', 'matmul_int8.wgsl', 'lib/stored_int4.wgsl'])('differs where %s differs', (name) => {
  const folder = mkdtempSync(join(tmpdir(), 'bamba-web-shaders-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(shaders, folder, { recursive: true });
  expect(hashShaders(folder)).toBe(hashShaders(shaders));
  appendFileSync(join(folder, name), '\n');
  expect(hashShaders(folder)).not.toBe(hashShaders(shaders));
});

it('stands in what is built, in place of all texts', async () => {
  const built = await build({
    configFile: false,
    root,
    publicDir: false,
    logLevel: 'warn',
    plugins: [hashWgsl(shaders)],
    build: { write: false, lib: { entry: 'src/kernels/sources.ts', formats: ['es'] } },
  });
  const [first] = /** @type {import('vite').Rolldown.RolldownOutput[]} */ (built);
  const code = first?.output[0].code ?? '';
  expect(code).toContain(hashShaders(shaders));
  expect(code.length).toBeLessThan(300);
});

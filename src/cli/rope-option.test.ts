import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readRopeScaling } from './rope-option.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bamba-web-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('has a short form', () => {
  expect(readRopeScaling(undefined)).toBeUndefined();
  expect(readRopeScaling('yarn:4')).toEqual({ type: 'yarn', factor: 4 });
  expect(readRopeScaling('linear:2.5:4096')).toEqual({ type: 'linear', factor: 2.5, originalContextLength: 4096 });
});

test('takes a file', async () => {
  const scaling = { type: 'longrope', factor: 2, longFactor: [1, 2] };
  await writeFile(join(folder, 'scaling.json'), JSON.stringify(scaling));
  expect(readRopeScaling(join(folder, 'scaling.json'))).toEqual(scaling);
  await writeFile(join(folder, 'wrong.json'), '{');
  expect(() => readRopeScaling(join(folder, 'wrong.json'))).toThrow(/wrong.json is neither/);
});

test.each([
  ['yarn', /TYPE:FACTOR, such as yarn:4, or a JSON file; yarn is neither/],
  ['cubic:4', /ropeScaling.type takes one of/],
  ['yarn:0.5', /ropeScaling.factor has to be a finite number of at least 1/],
  ['longrope:4', /ropeScaling.longFactor has to be a list/],
])('refuses %s', (text, message) => {
  expect(() => readRopeScaling(text)).toThrow(message);
});

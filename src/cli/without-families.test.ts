import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { withoutFamilies } from './bootstrap/without-families.mjs';
import { familyShaders } from '../kernels/on-demand.ts';

it('has what the worker is built without, and nothing else is left out there', () => {
  const folder = new URL('../../shaders', import.meta.url).pathname;
  const load = withoutFamilies().load as unknown as (id: string) => string | null;
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.wgsl'));
  const left = files.filter((name) => load(`${folder}/${name}?raw`) !== null);
  expect(left.toSorted()).toEqual(Object.keys(familyShaders).toSorted());
  expect(left.length).toBeGreaterThan(10);
});

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WgslReflect } from 'wgsl_reflect/wgsl_reflect.module.js';
import { assemble } from '../gpu/kernel.ts';
import { allKernels } from '../testing/kernels/all-kernels.ts';
import { catalogue } from '../testing/kernels/catalogue.ts';
import { schemesOf } from '../testing/kernels/schemes.ts';
import { parseHeader } from '../testing/kernels/shader-header.ts';
import { shaderLibrary } from './shared/library.ts';
import { CACHE_TYPES } from './attention/kv-cache.ts';
import { isOfIntegers } from './projections/matrix.ts';

// The contract between each WGSL file and its TypeScript half. That all variants compile is tested on a device, in
// shaders.gpu.test.ts.

const SOURCE = new URL('..', import.meta.url).pathname;
const SHADERS = new URL('../../shaders', import.meta.url).pathname;

/** Of each shader, by the name of its file, the folder that it is in. */
const shaderFolders = new Map(
  readdirSync(SHADERS, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.wgsl') && !/^(?:lib|bench)\b/.test(path))
    .map((path) => [basename(path, '.wgsl'), dirname(path)]),
);

describe.each([...allKernels])('%s', (file, kernel) => {
  const { uses, name, formula, sections } = parseHeader(kernel.code);

  it('has the name of its file, shader and entry point', () => {
    expect(kernel.name).toBe(file);
    expect(name).toBe(file);
    expect(kernel.code).toBe(readFileSync(`${SHADERS}/${shaderFolders.get(file)}/${file}.wgsl`, 'utf8'));
    const { compute } = reflect().entry;
    expect(compute.map((entry) => entry.name)).toEqual([file]);
  });

  it('has a test of its own on the device', () => {
    expect(existsSync(`${SOURCE}/kernels/${shaderFolders.get(file)}/${file}.gpu.test.ts`)).toBe(true);
  });

  it('says in its header what it computes, on which shapes, how, and after whom', () => {
    expect(formula.join('')).not.toBe('');
    const headings = [...sections.keys()].filter((heading) => !['Hazards', 'Tried'].includes(heading));
    expect(headings).toEqual(['Shapes', 'Mapping', 'Constants', 'Source']);
    const source = sections.get('Source')!.join(' ');
    const references = source.match(/\b[a-z0-9_]+(?=\.ts)/g) ?? [];
    expect(references.length).toBeGreaterThan(0);
    for (const reference of references) expect(existsSync(`${SOURCE}/reference/${reference}.ts`), reference).toBe(true);
    for (const constant of kernel.constants) expect(sections.get('Constants')!.join(' ')).toContain(constant);
  });

  it('is short, and uses library files that exist', () => {
    expect(kernel.code.split('\n').length).toBeLessThanOrEqual(250);
    // Kernels on integers take some schemes, those on keys and values what these are stored as, all others all.
    const ofIntegers = ['lib/integers.wgsl', 'lib/matmul_subgroup_matrix.wgsl'].some((part) => uses.includes(part));
    const ofCaches = uses.includes('lib/cache.wgsl');
    const schemes = ['f32', 'f16', 'int8', 'fp8', 'int4'].filter((scheme) =>
      ofCaches ? CACHE_TYPES.some((type) => type === scheme) : !ofIntegers || isOfIntegers({ scheme }),
    );
    expect(schemesOf(kernel).toSorted()).toEqual(schemes.toSorted());
  });

  it('binds what its declaration says, in order', () => {
    const bound = reflect()
      .getBindGroups()
      .flatMap((group) => group.filter(Boolean))
      .map(({ group, binding, name: variable, access }) => [group, binding, variable, access]);
    const params = Object.keys(kernel.params).length > 0 ? [[0, 0, 'params', 'read']] : [];
    const reads = kernel.reads.map((variable, i) => [0, 1 + i, variable, 'read']);
    const writes = kernel.writes.map((variable, i) => [0, 1 + kernel.reads.length + i, variable, 'read_write']);
    const step = kernel.step ? [[1, 0, kernel.slots ? 'steps' : 'step', 'read']] : [];
    expect(bound).toEqual([...params, ...reads, ...writes, ...step]);
  });

  it('binds no more storage buffers than every device has in a stage', () => {
    const bound = reflect().storage.map((variable) => variable.name);
    expect(bound).toHaveLength(kernel.reads.length + kernel.writes.length);
    expect(bound.length).toBeLessThanOrEqual(8);
  });

  it('takes features of the language only where the device is said to have them', () => {
    const packed = /\b(?:dot4[IU]8Packed|(?:un)?pack4x[IU]8(?:Clamp)?)\b/;
    const compute = schemesOf(kernel).map((scheme) => {
      const plain = { scheme, subgroups: false, f16: false };
      return assemble(kernel, plain, shaderLibrary);
    });
    for (const code of compute) {
      expect(code).not.toMatch(/^(?:requires|enable) (?!chromium_experimental_subgroup_matrix|subgroups;)/m);
      if (!code.includes('enable chromium_experimental_subgroup_matrix;')) expect(code).not.toMatch(packed);
    }
  });

  it('has the parameters that its declaration says, each of four bytes', () => {
    const members = reflect().structs.find((struct) => struct.name === 'Params')?.members ?? [];
    const declared = Object.entries(kernel.params);
    expect(members.map((member) => [member.name, member.type.name, member.offset])).toEqual(
      declared.map(([parameter, type], i) => [parameter, type, 4 * i]),
    );
  });

  it('has the constants that its declaration says, with defaults', () => {
    expect(reflect().overrides.map((override) => override.name)).toEqual([...kernel.constants]);
    for (const constant of kernel.constants) {
      expect(kernel.code).toMatch(new RegExp(`^override ${constant}: \\w+ = [\\w.]+;$`, 'm'));
    }
  });

  it('tells the shape of every array that it binds, in one column', () => {
    const lines = kernel.code.split('\n').filter((line) => /^@group\(0\) .*array<|^@group\(0\) .*struct/.test(line));
    expect(new Set(lines.map((line) => line.lastIndexOf('// (')))).toHaveProperty('size', 1);
    expect(lines.every((line) => line.includes('// ('))).toBe(true);
  });

  function reflect(): WgslReflect {
    const variant = { scheme: schemesOf(kernel)[0]!, subgroups: false, f16: false };
    return new WgslReflect(declarations(assemble(kernel, variant, shaderLibrary)));
  }
});

/** The code without function bodies and workgroup sizes: the reflection's parser does not know all expressions. */
function declarations(code: string): string {
  let depth = 0;
  let inFunction = false;
  let kept = '';
  for (const line of code.split('\n').map((text) => text.replace(/\/\/.*$|^alias .*\bsubgroup_matrix_.*/, ''))) {
    inFunction ||= line.startsWith('fn ');
    for (const character of line) {
      if (character === '}') depth--;
      if (!inFunction || depth === 0) kept += character;
      if (character === '{') depth++;
      if (inFunction && character === '}' && depth === 0) inFunction = false;
    }
    kept += '\n';
  }
  return kept.replaceAll(/@workgroup_size\(.*?\)/g, '@workgroup_size(1)');
}

describe('shaders', () => {
  const libraryFiles = Object.keys(shaderLibrary);

  it('have each a TypeScript half, and no half is without a shader', () => {
    expect([...allKernels.keys()].toSorted()).toEqual([...shaderFolders.keys()].toSorted());
  });

  it('bind nothing in library files, which say what they are for', () => {
    for (const file of libraryFiles) {
      const code = shaderLibrary[file]!;
      expect(code, file).not.toContain('@group');
      expect(code, file).toMatch(/^\/\/ \S.*\n/);
    }
  });

  it('use every library file', () => {
    const used = new Set([...allKernels.values()].flatMap((kernel) => parseHeader(kernel.code).uses));
    const plain = libraryFiles.map((file) =>
      file
        .replace(/subgroup\/|fixed\/|packed\//, '')
        .replace(/(weight|integers|stored|matmul_subgroup_matrix|cache)_\w+/, '$1'),
    );
    expect([...new Set(plain)].toSorted()).toEqual([...used].toSorted());
  });

  it('are all in the catalogue, as they are', async () => {
    const text = await catalogue([...allKernels.values()], shaderLibrary);
    await expect(text).toMatchFileSnapshot('../../shaders/README.md');
  });
});

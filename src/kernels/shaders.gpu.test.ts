import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { create } from 'webgpu';
import { BambaError } from '../errors.ts';
import { Gpu, MATRICES_STORAGE } from '../gpu/device.ts';
import { assemble, type Kernel, PipelineCache, type Variant } from '../gpu/kernel.ts';
import { allKernels } from '../testing/kernels/all-kernels.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { SCHEMES } from '../testing/kernels/device.ts';
import { schemesOf } from '../testing/kernels/schemes.ts';
import { shaderLibrary } from './shared/library.ts';

// Every variant of every shader compiles without a message: no error, no warning. Where no adapter here has a feature, a
// compiler without a GPU knows it: code for half precision, subgroups and matrices of them is checked on every machine, and
// run where the feature is.

/** Variants that differ in their code. */
function variants(kernel: Kernel, features: { subgroups: boolean; f16: boolean; byteProducts: boolean }): Variant[] {
  const choices = (offered: boolean) => (offered ? [false, true] : [false]);
  const all = schemesOf(kernel).flatMap((scheme) =>
    choices(features.subgroups).flatMap((subgroups) =>
      choices(features.f16).flatMap((f16) =>
        choices(features.byteProducts).flatMap((byteProducts) => {
          const takesFixed = subgroups && byteProducts && scheme === 'int4' && kernel.constants.includes('SEGMENT');
          return choices(takesFixed).map((fixedPoint) => ({ scheme, subgroups, f16, byteProducts, fixedPoint }));
        }),
      ),
    ),
  );
  return [...new Map(all.map((variant) => [assemble(kernel, variant, shaderLibrary), variant])).values()];
}

/** Runs nothing, but its compiler knows all features, as that of browsers does. Collected, it takes devices along. */
const compilers = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);

const MATRICES = 'chromium-experimental-subgroup-matrix' as GPUFeatureName;

async function requestCompiler(): Promise<GPUDevice> {
  const adapter = await compilers.requestAdapter();
  return adapter!.requestDevice({ requiredFeatures: ['shader-f16', 'subgroups', MATRICES] });
}

const needsMatrices = (kernel: Kernel) =>
  assemble(kernel, { scheme: 'int8', subgroups: true, f16: false }, shaderLibrary).includes(
    'enable chromium_experimental_subgroup_matrix;',
  );

describe('every variant of every shader, for all features', () => {
  let compiler: GPUDevice;
  beforeAll(async () => {
    compiler = await requestCompiler();
  });
  afterAll(() => compiler.destroy());

  it.each([...allKernels.values()])('$name compiles without a message', async (kernel) => {
    for (const variant of variants(kernel, { subgroups: true, f16: true, byteProducts: true })) {
      const code = assemble(kernel, variant, shaderLibrary);
      compiler.pushErrorScope('validation');
      const { messages } = await compiler.createShaderModule({ code }).getCompilationInfo();
      const report = messages.map(({ type, lineNum, message }) => `${type} at ${lineNum}: ${message}`);
      expect(report, JSON.stringify(variant)).toEqual([]);
      expect(await compiler.popErrorScope()).toBeNull();
    }
  });

  it('has code for half precision, and a compiler that finds what is wrong with it', async () => {
    const coded = [...allKernels.values()].flatMap((kernel) =>
      variants(kernel, { subgroups: true, f16: true, byteProducts: true }).map((variant) => ({
        kernel: `${kernel.name} of ${variant.scheme}`,
        code: assemble(kernel, variant, shaderLibrary),
      })),
    );
    const halves = coded.filter(({ code }) => code.includes('enable f16;'));
    const expected = ['matmul', 'moe_matmul'].flatMap((name) => SCHEMES.map((scheme) => `${name} of ${scheme}`));
    expect(halves.map(({ kernel }) => kernel).toSorted()).toEqual(expected.toSorted());
    const { code } = halves[0]!;
    compiler.pushErrorScope('validation');
    const wrong = compiler.createShaderModule({ code: `${code}\nfn wrong(a: elem) -> f32 { return a; }\n` });
    const { messages } = await wrong.getCompilationInfo();
    expect(messages.map(({ type }) => type)).toEqual(['error']);
    expect(await compiler.popErrorScope()).not.toBeNull();
  });
});

describe.skipIf(!hasAdapter)('shaders on an adapter', () => {
  let gpu: Gpu;
  let compiler: GPUDevice;
  beforeAll(async () => {
    gpu = await Gpu.request();
    compiler = await requestCompiler();
    if (!gpu.features.f16) console.warn('SKIPPED: variants with f16, which this adapter does not have.');
    if (!gpu.features.subgroups) console.warn('SKIPPED: variants with subgroups, which this adapter does not have.');
  });
  afterAll(() => {
    gpu.dispose();
    compiler.destroy();
  });

  // Those with matrices make them where these are emulated, in tests of their own.
  const plain = [...allKernels.values()].filter((kernel) => !needsMatrices(kernel));
  it.each(plain)('$name makes a pipeline of its defaults', async (kernel) => {
    const cache = new PipelineCache(gpu.device, shaderLibrary);
    const variant = { scheme: 'int8', subgroups: gpu.features.subgroups, f16: gpu.features.f16 };
    await expect(cache.pipeline(kernel, variant, {})).resolves.toBeDefined();
  });

  it.each(['int8', 'int4'])(
    'takes no more workgroup memory for matrices of %s than a device is asked for',
    async (scheme) => {
      const [kernel] = [...allKernels.values()].filter(needsMatrices);
      const code = assemble(kernel!, { scheme, subgroups: true, f16: false }, shaderLibrary);
      const compute = { module: compiler.createShaderModule({ code }) };
      // The compiler's device has what every device has, and its refusal says what is needed.
      const made = compiler.createComputePipelineAsync({ layout: 'auto', compute });
      const refusal = await made.then(() => '', String);
      const used = /workgroup storage \((\d+) bytes\)/.exec(refusal)?.[1];
      expect(Number(used)).toBeLessThanOrEqual(MATRICES_STORAGE);
    },
  );

  it('reports a shader that does not compile with its numbered source', async () => {
    const broken = {
      ...[...allKernels.values()][0]!,
      name: 'broken',
      code: 'fn broken() { let value = nonsense; }\n',
    };
    const cache = new PipelineCache(gpu.device, shaderLibrary);
    gpu.device.pushErrorScope('validation');
    const failure = cache.pipeline(broken, { subgroups: false, f16: false }, {});
    await expect(failure).rejects.toThrow(BambaError);
    await expect(failure).rejects.toThrow(/nonsense[^]* 1 fn broken/);
    expect(await gpu.device.popErrorScope()).not.toBeNull();
  });
});

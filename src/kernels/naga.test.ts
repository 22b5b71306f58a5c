import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { assemble, type Kernel, type Variant } from '../gpu/kernel.ts';
import { allKernels } from '../testing/kernels/all-kernels.ts';
import { schemesOf } from '../testing/kernels/schemes.ts';
import { shaderLibrary } from './shared/library.ts';

// A second compiler reads every shader: naga, which Firefox has. It translates each to the languages of all drivers. The
// program is the Rust crate naga-cli; where it is missing, these tests are skipped.

const TARGETS = { SPIR_V: 'spv', MSL: 'metal', HLSL: 'hlsl', GLSL: 'comp' } as const;
type Target = keyof typeof TARGETS;

/** What naga itself cannot do, with the reason. Whatever is not in this table has to be translated. */
const MISSING: readonly { reason: string; targets: readonly Target[]; when: (code: string) => boolean }[] = [
  {
    reason: 'subgroup matrices are an experiment of Chromium',
    targets: ['SPIR_V', 'MSL', 'HLSL', 'GLSL'],
    when: (code) => code.includes('enable chromium_experimental_subgroup_matrix;'),
  },
  { reason: 'GLSL has no f16', targets: ['GLSL'], when: (code) => code.includes('enable f16;') },
];

const version = nagaVersion();
if (version === null) console.warn('SKIPPED: shaders in naga: there is no naga (cargo install naga-cli).');

function nagaVersion(): string | null {
  try {
    return execFileSync('naga', ['--version'], { encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
}

/** The text as naga takes it: it knows subgroups without their directive, and constants where translators want values. */
function forNaga(code: string): string {
  return code.replace('enable subgroups;\n', '').replace(/^override /gm, 'const ');
}

/** Variants that differ in their code: of Firefox, which has products of bytes alone, and of all other browsers. */
function variants(kernel: Kernel): Map<string, Variant> {
  const features = [false, true].flatMap((subgroups) =>
    [false, true].flatMap((f16) => [false, true].map((byteProducts) => ({ subgroups, f16, byteProducts }))),
  );
  const all = schemesOf(kernel).flatMap((scheme) => features.map((has): Variant => ({ scheme, ...has })));
  if (kernel.constants.includes('SEGMENT')) {
    all.push({ scheme: 'int4', subgroups: true, f16: false, byteProducts: true, fixedPoint: true });
  }
  return new Map(all.map((variant) => [assemble(kernel, variant, shaderLibrary), variant]));
}

describe.skipIf(version === null)('every variant of every shader in naga', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bamba-naga-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let translated = 0;

  it.each([...allKernels.values()])('$name is translated for every driver', { timeout: 120_000 }, (kernel) => {
    for (const [code, variant] of variants(kernel)) {
      const targets = (Object.keys(TARGETS) as Target[]).filter(
        (target) => !MISSING.some((gap) => gap.targets.includes(target) && gap.when(code)),
      );
      if (targets.length === 0) continue;
      const input = join(folder, 'in.wgsl');
      writeFileSync(input, forNaga(code));
      const outputs = targets.map((target) => join(folder, `out.${TARGETS[target]}`));
      const options = ['--profile', 'core460', '--shader-model', '62', '--metal-version', '2.4'];
      try {
        execFileSync('naga', [...options, '--entry-point', kernel.name, input, ...outputs], { stdio: 'pipe' });
      } catch (error) {
        const { stderr } = error as { stderr: Buffer };
        expect.fail(`${JSON.stringify(variant)}: ${stderr.toString().slice(0, 2000)}`);
      }
      translated += targets.length;
    }
  });

  it('has translated some hundreds of texts', () => {
    expect(translated).toBeGreaterThan(300);
  });
});

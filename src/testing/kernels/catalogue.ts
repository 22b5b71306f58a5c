import { format } from 'prettier';
import type { Kernel, ShaderLibrary } from '../../gpu/kernel.ts';
import { parseHeader } from './shader-header.ts';

const INTRODUCTION = `# Kernels

<!-- Made by src/testing/kernels/catalogue.ts from the headers of the shaders. To make it anew:
npx vitest run --project node src/kernels/shaders.test.ts -u -->

One kernel a file; the name is also that of its entry point, of its TypeScript half in \`src/kernels\` and of its pipeline.
A matrix may have any scheme: \`lib/weight.wgsl\` stands for \`lib/weight_f32.wgsl\`, \`weight_f16\`, \`weight_int8\`,
\`weight_fp8\` or \`weight_int4\`; kernels on integers take those that \`lib/integers.wgsl\`
or \`lib/matmul_subgroup_matrix.wgsl\` stands for. Keys and values may be of any type of cache: \`lib/cache.wgsl\` stands for
\`lib/cache_f32.wgsl\`, \`cache_f16\` or \`cache_int8\`. A library file that \`lib/subgroup\` has too is taken from there on devices with subgroups.
Dimensions: T tokens, C model width, I inner width, F feed-forward width, H heads, J KV heads, P head dim, N state,
G groups, Q chunk, V vocabulary, CD channels of the convolution.
`;

/** shaders/README.md: a table of all kernels, what each computes and on which shapes, and the library. */
export async function catalogue(kernels: readonly Kernel[], library: ShaderLibrary): Promise<string> {
  const sections = kernels.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(section);
  const files = Object.keys(library)
    .toSorted()
    .map((file) => `| \`${file}\` | ${firstSentence(library[file]!)} |`);
  const text = [
    INTRODUCTION,
    '| kernel | inputs | outputs | constants |',
    '| --- | --- | --- | --- |',
    ...kernels.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(row),
    '',
    ...sections,
    '## Library',
    '',
    '| file | |',
    '| --- | --- |',
    ...files,
    '',
  ].join('\n');
  return format(text, { parser: 'markdown', printWidth: 120 });
}

function row({ name, reads, writes, constants }: Kernel): string {
  const list = (names: readonly string[]) => names.map((item) => `\`${item}\``).join(', ');
  return `| [${name}](#${name}) | ${list(reads)} | ${list(writes)} | ${list(constants)} |`;
}

/** The header as it is: Markdown would need most of its signs escaped. */
function section({ name, code }: Kernel): string {
  const { uses, lines } = parseHeader(code);
  const usesLine = uses.length > 0 ? [`Uses ${uses.map((file) => `\`${file}\``).join(', ')}.`, ''] : [];
  return [`## ${name}`, '', '```text', ...lines, '```', '', ...usesLine].join('\n');
}

function firstSentence(code: string): string {
  const comment = /^(?:\/\/.*\n)+/.exec(code)?.[0] ?? '';
  const text = comment
    .replaceAll(/^\/\/ ?/gm, '')
    .replaceAll('\n', ' ')
    .trim();
  return /^(?:\([^)]*\)|[^(])*?[.:](?= |$)/.exec(text)?.[0].replace(/:$/, '.') ?? text;
}

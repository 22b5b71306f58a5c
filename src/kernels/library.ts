import type { ShaderLibrary } from '../gpu/kernel.ts';

const files = import.meta.glob<string>('../../shaders/lib/**/*.wgsl', {
  query: '?raw',
  import: 'default',
  eager: true,
});

/** The files of shaders/lib, by the names that `// uses:` lines say. */
export const shaderLibrary: ShaderLibrary = Object.fromEntries(
  Object.entries(files).map(([path, text]) => [path.slice(path.indexOf('lib/')), text]),
);

/** All kernels' files, by path: what a measurement of their speed holds for. */
export const shaderSources: Readonly<Record<string, string>> = import.meta.glob<string>('../../shaders/*.wgsl', {
  query: '?raw',
  import: 'default',
  eager: true,
});

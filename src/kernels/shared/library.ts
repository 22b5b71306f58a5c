import type { ShaderLibrary } from '../../gpu/kernel.ts';

const files = import.meta.glob<string>('../../../shaders/lib/**/*.wgsl', {
  query: '?raw',
  import: 'default',
  eager: true,
});

/** The files of shaders/lib, by the names that `// uses:` lines say. */
export const shaderLibrary: ShaderLibrary = Object.fromEntries(
  Object.entries(files).map(([path, text]) => [path.slice(path.indexOf('lib/')), text]),
);

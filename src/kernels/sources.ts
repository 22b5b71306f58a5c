/**
 * All shaders, by path: what a measurement of their speed holds for. What is built has a hash of them in this place, see
 * src/cli/bootstrap/hash-wgsl.mjs.
 */
export const shaderSources: Readonly<Record<string, string>> | string = import.meta.glob<string>(
  ['../../shaders/*.wgsl', '../../shaders/lib/**/*.wgsl'],
  { query: '?raw', import: 'default', eager: true },
);

/** All shaders, by path: a measurement of their speed holds for these texts. */
export const shaderSources: Readonly<Record<string, string>> = import.meta.glob<string>(
  ['../../../shaders/**/*.wgsl', '!../../../shaders/bench/**'],
  { query: '?raw', import: 'default', eager: true },
);

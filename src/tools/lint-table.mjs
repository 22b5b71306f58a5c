// The table of layers, and `.oxlintrc.json` made of it: node src/tools/lint-table.mjs. A test checks that the file is fresh.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The layers, lowest first: what each may import besides errors.ts and itself. Folders of src, or single files in it.
 * @type {Record<string, readonly string[]>}
 */
export const LAYERS = {
  gpu: [],
  weights: [],
  text: [],
  reference: ['weights/half.ts'],
  architecture: ['weights'],
  kernels: ['gpu', '/shaders', 'sampling.ts'],
  storage: ['weights', 'architecture'],
  model: ['gpu', 'kernels', 'weights', 'architecture', 'sampling.ts'],
  generate: ['model', 'architecture', 'text', 'sampling.ts'],
  engine: list('sampling.ts gpu weights text reference architecture kernels storage model generate'),
  api: ['engine/client.ts', 'engine/protocol.ts', 'sampling.ts'],
  element: ['engine/loading/adapter-name.ts', 'engine/client.ts', 'engine/protocol.ts', 'api', 'sampling.ts'],
  bench: list(
    'sampling.ts gpu weights architecture kernels storage model generate /shaders/bench ' +
      'engine/loading/adapter-name.ts engine/loading/load.ts engine/loading/open-model.ts engine/loading/tuned.ts ' +
      'engine/prompts/request.ts engine/prompts/text-side.ts',
  ),
  evaluate: list(
    'weights text generate bench/chart.ts bench/report.ts engine/loading/adapter-name.ts engine/protocol.ts',
  ),
  app: ['engine/client.ts', 'engine/protocol.ts', 'element'],
  tools: ['weights', 'architecture', 'storage'],
  cli: list(
    'sampling.ts gpu weights text reference architecture kernels storage model generate engine api bench evaluate tools',
  ),
};

/** The further imports of every layer's tests. */
const FOR_TESTS = ['reference', 'testing'];

/** Layers whose code talks to people through errors and events alone. */
const SILENT = Object.keys(LAYERS).filter((layer) => !['bench', 'app', 'tools', 'cli'].includes(layer));

const BASE = {
  $schema: './node_modules/oxlint/configuration_schema.json',
  plugins: ['typescript', 'unicorn', 'oxc', 'import', 'promise'],
  categories: { correctness: 'error', suspicious: 'error' },
  env: { builtin: true, browser: true, worker: true, node: true },
  ignorePatterns: ['dist/**', 'dist-peers/**', 'public/**', 'playwright-report/**', 'test-results/**'],
  rules: {
    // Imports of types alone count, too: a circle of them is as hard to read.
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'import/no-self-import': 'error',
    'no-restricted-imports': restricted(['**/*.wgsl', '**/*.wgsl?raw'], 'only src/kernels imports shaders'),
    'typescript/no-explicit-any': 'error',
    'typescript/no-unsafe-type-assertion': 'off',
    'unicorn/consistent-function-scoping': 'off',
    'import/no-named-as-default-member': 'off',
    'import/default': 'off',
    'import/no-unassigned-import': 'off',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/await-thenable': 'error',
    'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    'typescript/consistent-type-imports': 'error',
    'typescript/only-throw-error': 'error',
    'typescript/return-await': 'error',
    'no-var': 'error',
    'prefer-const': 'error',
    eqeqeq: 'error',
    'no-eval': 'error',
    'no-new-func': 'error',
    'no-implied-eval': 'error',
    'promise/no-callback-in-promise': 'off',
  },
};

/** @param {string} names */
function list(names) {
  return names.split(' ');
}

/**
 * @param {readonly string[]} group
 * @param {string} message
 */
function restricted(group, message) {
  return ['error', { patterns: [{ group, message }] }];
}

/**
 * The patterns of imports that are refused: all from outside the folder, but for these.
 * @param {readonly string[]} allowed as in `LAYERS`
 * @param {number} depth folders between the file and its layer's own
 */
function allBut(allowed, depth) {
  const up = '../'.repeat(depth + 1);
  const open = allowed.map((name) => {
    if (name.endsWith('.ts')) return `!${up}${name}`;
    return name.startsWith('/') ? `!${up}..${name}/**` : `!${up}${name}/**`;
  });
  return [`${up}**`, `!${up}errors.ts`, ...open];
}

/**
 * Of a layer: its files, their tests, and both in a folder inside it. Deeper folders are refused whatever they import from
 * two folders up.
 * @param {string} layer
 * @param {readonly string[]} allowed
 */
function overridesOf(layer, allowed) {
  const names = ['errors', ...allowed.map((name) => name.replace(/^\//, '').replace(/\.ts$/, ''))];
  const says = `${layer} imports ${names.join(', ')} and nothing else of ours`;
  const saysOfTests = `tests of ${layer} import what ${layer} may, reference and testing`;
  return [0, 1].flatMap((depth) => {
    const folder = `src/${layer}/${'*/**/'.repeat(depth)}`;
    return [
      {
        files: [depth === 0 ? `src/${layer}/*` : `src/${layer}/*/**`],
        excludeFiles: ['**/*.test.ts', '**/*.test.mjs'],
        rules: { 'no-restricted-imports': restricted(allBut(allowed, depth), says) },
      },
      {
        files: [`${folder}*.test.ts`, `${folder}*.test.mjs`],
        rules: {
          'no-restricted-imports': restricted(allBut([...new Set([...allowed, ...FOR_TESTS])], depth), saysOfTests),
        },
      },
    ];
  });
}

/** The text of `.oxlintrc.json`, a line for each override. */
export function lintConfig() {
  const overrides = [
    {
      files: ['src/index.ts', ...SILENT.map((layer) => `src/${layer}/**`)],
      excludeFiles: ['**/*.test.ts'],
      rules: { 'no-console': 'error' },
    },
    ...Object.entries(LAYERS).flatMap(([layer, allowed]) => overridesOf(layer, allowed)),
    {
      files: ['src/app/bench*', 'src/app/compare*', 'src/app/peers*', 'src/app/plan*'],
      rules: {
        'no-restricted-imports': restricted(
          allBut(['bench'], 0),
          'the pages of the benchmark, of costs and of comparisons import bench and errors',
        ),
      },
    },
    {
      files: ['src/app/eval*'],
      rules: {
        'no-restricted-imports': restricted(
          allBut(list('bench/chart.ts bench/report.ts engine/client.ts engine/protocol.ts evaluate generate'), 0),
          'the page of evaluations imports evaluate, the engine, generate, charts and reports of bench, and errors',
        ),
      },
    },
  ];
  const lines = overrides.map((override) => `    ${JSON.stringify(override)}`).join(',\n');
  return `${JSON.stringify(BASE, null, 2).slice(0, -2)},\n  "overrides": [\n${lines}\n  ]\n}\n`;
}

if (process.argv[1] === import.meta.filename) {
  writeFileSync(join(import.meta.dirname, '..', '..', '.oxlintrc.json'), lintConfig());
}

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FAMILY_CONFIGS } from '../../testing/checkpoints/family-configs.ts';
import { BUNDLED_GOLDEN, goldenFolders } from '../../testing/models/golden.ts';
import { parseConfig } from '../config.ts';
import { FAMILY_DEFAULTS } from './defaults.ts';

type Fields = Readonly<Record<string, unknown>>;

const folder = join(import.meta.dirname, '../../testing/transformers');
const script = join(folder, 'defaults.py');
const classes = (major: 4 | 5): Record<string, Fields> =>
  (JSON.parse(readFileSync(join(folder, `defaults-${major}.json`), 'utf8')) as { families: Record<string, Fields> })
    .families;
const [before, now] = [classes(4), classes(5)];
const families = Object.keys(FAMILY_DEFAULTS);

/** What a config says to us, or why it says nothing. */
function meaning(config: Fields): unknown {
  try {
    return parseConfig(new TextEncoder().encode(JSON.stringify(config)));
  } catch (error) {
    return String(error);
  }
}

function without(config: Fields, field: string): Fields {
  return Object.fromEntries(Object.entries(config).filter(([name]) => name !== field));
}

/** As a config.json writes it. */
function written(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(written);
  return value === 'Infinity' ? { __float__: 'Infinity' } : value;
}

describe('the defaults of a family', () => {
  it('are those of a class of transformers, for every family', () => {
    expect(families.toSorted()).toEqual(Object.keys(now).toSorted());
  });

  it.each(families)('of %s are those of its class', (family) => {
    const table = FAMILY_DEFAULTS[family]!;
    expect(table).toEqual(Object.fromEntries(Object.keys(table).map((field) => [field, now[family]?.[field]])));
  });

  it('are those of transformers 4, but for two', () => {
    const other = Object.keys(before).flatMap((family) =>
      Object.entries(FAMILY_DEFAULTS[family]!)
        .filter(([field, value]) => JSON.stringify(before[family]?.[field] ?? value) !== JSON.stringify(value))
        .map(([field]) => `${family} ${field}`),
    );
    // The second is an empty list there, which means the same.
    expect(other).toEqual(['falcon_h1 rope_theta', 'qwen3_next mlp_only_layers']);
  });

  it('are enough for the small models of this tree', () => {
    for (const [name, config] of Object.entries(FAMILY_CONFIGS)) {
      expect.soft(meaning(config), name).toMatchObject({ architecture: { family: config['model_type'] } });
    }
  });

  const configs = [
    ...Object.entries(FAMILY_CONFIGS),
    ...[BUNDLED_GOLDEN, ...goldenFolders()].flatMap((golden) =>
      ['config.json', 'config.hub.json']
        .map((file) => join(golden, file))
        .filter((file) => existsSync(file))
        .map((file): [string, Fields] => [file, JSON.parse(quoted(readFileSync(file, 'utf8'))) as Fields]),
    ),
  ];
  it.each(configs)('count in %s for each field that is left out', (_, config) => {
    const type = String(config['model_type']);
    // The end of answers is no part of a model; without its list of layers a model is another one.
    const untold = new Set(['eos_token_id', 'layers_block_type', 'layer_types']);
    const fields = Object.entries(now[type] ?? {}).filter(([field, value]) => value !== null && !untold.has(field));
    // A config around another one has few fields of its own.
    expect(fields.length).toBeGreaterThan(type === 'qwen3_5' ? 3 : 10);
    for (const [field, value] of fields) {
      const absent = without(config, field);
      expect.soft(meaning(absent), field).toEqual(meaning({ ...absent, [field]: written(value) }));
    }
    const stated = Object.keys(config).filter((field) => config[field] === now[type]?.[field] && !untold.has(field));
    const dropped = stated.reduce((less, field) => without(less, field), config);
    expect(meaning(dropped)).toEqual(meaning(config));
  });

  const python = spawnSync('python3', ['-c', 'import transformers; print(transformers.__version__)'], {
    encoding: 'utf8',
  });
  const version = python.status === 0 ? python.stdout.trim() : null;
  if (!version?.startsWith('5.')) {
    console.warn(`SKIPPED: ${version ?? 'no'} transformers for python3; the defaults are not read from its classes.`);
  }
  it.skipIf(!version?.startsWith('5.'))('are what the installed classes give', () => {
    const { stdout } = spawnSync('python3', [script], { encoding: 'utf8' });
    expect((JSON.parse(stdout) as { families: unknown }).families).toEqual(now);
  });
});

/** Python writes infinity bare. */
function quoted(text: string): string {
  return text.replaceAll(/([:\s[,])Infinity/g, '$1{"__float__": "Infinity"}');
}

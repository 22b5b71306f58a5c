import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BambaError } from '../../errors.ts';
import { MIXERS, MLPS } from '../../architecture/architecture.ts';
import { MODEL_TYPES, parseConfig } from '../../architecture/config.ts';
import { FAMILY_CONFIGS } from '../../testing/checkpoints/family-configs.ts';
import { FEATURES, fixtureFolder, GOLDENS, REFUSED, UNCOVERED } from '../../testing/models/fixtures.ts';
import { isRecord } from '../../weights/untrusted-json.ts';

// The coverage of the goldens in the tree: every family, every kind of branch, and every field of a config that is read.

type Fields = Record<string, unknown>;

const parse = (config: Fields, onRead?: (field: string) => void) =>
  parseConfig(new TextEncoder().encode(JSON.stringify(config)), onRead);

const configs = new Map(
  GOLDENS.map((name): [string, Fields] => {
    const text = readFileSync(join(fixtureFolder(name), 'config.json'), 'utf8');
    // Python writes infinity bare.
    return [name, JSON.parse(text.replace(/(?<!")\bInfinity\b/g, '{"__float__":"Infinity"}')) as Fields];
  }),
);

/** Fields that are looked at, with those of objects inside: `rope_parameters.factor`. */
function fieldsRead(config: Fields): Set<string> {
  const read = new Set<string>();
  parse(config, (field) => read.add(field));
  return read;
}

/** A config without one field; null where it does not have it. */
function without(config: Fields, field: string): Fields | null {
  const copy = structuredClone(config);
  const path = field.split('.');
  let parent: unknown = copy;
  for (const part of path.slice(0, -1)) parent = isRecord(parent) ? parent[part] : undefined;
  const last = path.at(-1)!;
  if (!isRecord(parent) || (parent[last] ?? null) === null) return null;
  delete parent[last];
  return copy;
}

/** A config with another value of one field. */
function withAnother(config: Fields, field: string): Fields {
  const copy = structuredClone(config);
  const path = field.split('.');
  const parent = path.slice(0, -1).reduce((fields, part) => fields[part] as Fields, copy);
  const value = parent[path.at(-1)!] ?? false;
  parent[path.at(-1)!] = typeof value === 'number' ? value + 1 : typeof value === 'boolean' ? !value : 'another';
  return copy;
}

/** Whether a model would be another one, or none, without a field of its config. */
function matters(config: Fields, field: string): boolean {
  const rest = without(config, field);
  if (!rest) return false;
  const whole = JSON.stringify(parse(config));
  try {
    return JSON.stringify(parse(rest)) !== whole;
  } catch {
    return true;
  }
}

describe.each([...MODEL_TYPES])('the goldens of %s', (family) => {
  const own = [...configs].filter(([, config]) => config['model_type'] === family);
  // Random models take paths through the parser that no golden takes.
  const others = Object.values(FAMILY_CONFIGS).filter((config) => config['model_type'] === family);
  const read = [...own.map(([, config]) => config), ...others].flatMap((config) => [...fieldsRead(config)]);
  const fields = [...new Set(read)].toSorted();
  const reasonFor = (field: string) => UNCOVERED[`${family}: ${field}`] ?? UNCOVERED[field];

  it('are there', () => {
    expect(own.length).toBeGreaterThan(0);
    expect(fields.length).toBeGreaterThan(10);
  });

  it('miss no field that is read, but for those with a reason', () => {
    const missed = fields.filter((field) => !own.some(([, config]) => matters(config, field)) && !reasonFor(field));
    expect(missed, `no golden of ${family} would differ without these fields of its config`).toEqual([]);
  });

  it('are of values beside which others are refused, where that is the reason', () => {
    const config = own[0]![1];
    for (const field of fields.filter((one) => reasonFor(one) === REFUSED)) {
      expect(() => parse(withAnother(config, field)), field).toThrow(BambaError);
    }
  });
});

it('every reason is of a field that is read, and that some golden would not miss', () => {
  const all = [...configs.values(), ...Object.values(FAMILY_CONFIGS)] as Fields[];
  const keys = (family: string, field: string) => [field, `${family}: ${field}`];
  const covered = (family: string, field: string) =>
    [...configs.values()].some((config) => config['model_type'] === family && matters(config, field));
  const needed = all.flatMap((config) => {
    const family = config['model_type'] as string;
    return [...fieldsRead(config)].flatMap((field) => (covered(family, field) ? [] : keys(family, field)));
  });
  expect(Object.keys(UNCOVERED).filter((key) => !needed.includes(key))).toEqual([]);
});

it.each(FEATURES.map((feature) => ({ ...feature })))('$golden shows $family: $feature', ({ golden, family, holds }) => {
  const { architecture } = parse(configs.get(golden)!);
  expect(architecture.family).toBe(family);
  expect(holds(architecture)).toBe(true);
});

it('every kind of branch is in some golden', () => {
  const kinds = new Set([...configs.values()].flatMap((config) => parse(config).architecture.blocks.flat(2)));
  expect([...MIXERS, ...MLPS].filter((kind) => !kinds.has(kind))).toEqual([]);
});

import { BambaError } from '../../errors.ts';
import type { Architecture } from '../../architecture/architecture.ts';
import { packageTensors, parseConfig } from '../../architecture/config.ts';
import { CACHE_TYPES, type CacheType } from '../../kernels/attention/kv-cache.ts';
import { checkArchitecture } from '../../model/dims.ts';
import type { CostSettings } from '../../model/cost/model-cost.ts';
import type { Rates } from '../../model/cost/seconds.ts';
import { SCHEMES } from '../../weights/manifest.ts';
import type { TensorSpec } from '../../weights/types.ts';
import { isShapeName, SHAPES } from '../shapes.ts';
import { MEASURED_RUNS, ratesOfRun } from './measured.ts';

export { CACHE_TYPES, SCHEMES };
export { type CostSettings, type ModelCost, modelCost, type PassCost } from '../../model/cost/model-cost.ts';

// What the cost model is asked: by a command's options, or by the fields of a page. What pages take of the layers below
// stands above.

/** A model whose cost is told. */
export interface PlanModel {
  name: string;
  architecture: Architecture;
  specs: readonly TensorSpec[];
}

/** Longest context and largest batch that are told of. */
const MOST_CONTEXT = 2 ** 24;
const MOST_BATCH = 4096;

/** The names of shapes, as the model's makers write them. */
export const SHAPE_TITLES: Readonly<Record<string, string>> = {
  lexicon: 'Lexicon',
  'granite-h-350m': 'Granite 4.0-H 350M',
  'granite-h-1b': 'Granite 4.0-H 1B',
  'granite-h-tiny': 'Granite 4.0-H Tiny',
  'bamba-1b': 'Bamba, 2 billion',
  'bamba-9b': 'Bamba-9B',
  'llama-3.1-8b': 'Llama-3.1-8B',
};

/** A shape of the benchmark. @throws BambaError `setting_invalid` for another name. */
export function shapeModel(name: string): PlanModel {
  if (!isShapeName(name)) throw invalid('model', name, Object.keys(SHAPE_TITLES).join(', '));
  const architecture: Architecture = SHAPES[name];
  return { name: SHAPE_TITLES[name] ?? name, architecture, specs: packageTensors(architecture) };
}

/** The model of a config.json. @throws BambaError `config_invalid`, `unsupported_model`. */
export function configModel(name: string, bytes: Uint8Array): PlanModel {
  const { architecture, tensors } = parseConfig(bytes);
  checkArchitecture(architecture);
  return { name, architecture, specs: tensors };
}

/** Fields as texts, as a command or a form has them; what is absent or empty has its default. */
export type PlanFields = Readonly<Partial<Record<PlanField, string | undefined>>>;

type PlanField = 'context' | 'batch' | 'scheme' | 'cache' | 'read' | 'flops' | 'start';

/**
 * Reads the fields: `read` is in GB/s, `flops` in TFLOP/s, and `start` in microseconds.
 * @throws BambaError `setting_invalid` that says what a field takes
 */
export function parseFields(fields: PlanFields): CostSettings {
  const { scheme = '', cache = '' } = fields;
  return {
    context: count('context', fields.context, 4096, MOST_CONTEXT),
    batch: count('batch', fields.batch, 1, MOST_BATCH),
    scheme: oneOf('scheme', scheme || 'int8', SCHEMES),
    cacheType: oneOf('cache', cache || 'f32', CACHE_TYPES) satisfies CacheType,
    rates: parseRates(fields),
  };
}

/** Rates that are used where nobody says others: those of the GPU that docs/PERFORMANCE.md is about. */
export function defaultRates(): Rates {
  return ratesOfRun(MEASURED_RUNS[0]);
}

function parseRates({ read, flops, start }: PlanFields): Rates {
  const { readBytesPerS, flopsPerS, startS } = defaultRates();
  return {
    readBytesPerS: read ? positive('read', read) * 1e9 : readBytesPerS,
    flopsPerS: flops ? positive('flops', flops) * 1e12 : flopsPerS,
    startS: start ? positive('start', start) * 1e-6 : startS,
  };
}

function count(name: string, text: string | undefined, fallback: number, most: number): number {
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= 1 && value <= most) return value;
  throw invalid(name, text, `a whole number from 1 to ${most.toLocaleString('en')}`);
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  throw invalid(name, text, 'a number above 0');
}

function oneOf<One extends string>(name: string, text: string, known: readonly One[]): One {
  const found = known.find((one) => one === text);
  if (found !== undefined) return found;
  throw invalid(name, text, known.join(', '));
}

function invalid(name: string, value: string, expected: string): BambaError {
  return new BambaError(
    'setting_invalid',
    `The cost model cannot take ${name} ${value || '""'}. Possible: ${expected}.`,
  );
}

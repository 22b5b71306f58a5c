import { BambaError } from '../errors.ts';
import { OPTIONAL_FEATURES, type OptionalFeature } from '../gpu/device.ts';
import { MOST_SLOTS } from '../gpu/plan.ts';
import { CACHE_TYPES, type CacheType } from '../kernels/attention/kv-cache.ts';
import type { Digits } from '../kernels/projections/quantize_rows.ts';
import { VERIFIED } from '../model/verify/verifier.ts';
import { SCHEMES } from '../weights/manifest.ts';
import type { Scheme } from '../weights/types.ts';
import { isShapeName, SHAPES, type ShapeName } from './shapes.ts';

/** A model to measure: a shape with random weights in a scheme, or a package. */
export type BenchTarget = { shape: ShapeName; scheme: Scheme } | { url: string };

/** What to measure, and how thoroughly. */
export interface BenchOptions {
  targets: BenchTarget[];
  contexts: number[];
  /** Numbers of sequences that decode together, at every context; none for not at all. */
  batches: number[];
  /** Digits of int8 that inputs of products are rounded to there, where weights are int8 or int4; 0 for f32. */
  batchDigits: 0 | Digits;
  /** Positions of steps that verify drafts, at every context; none for not at all. `batchDigits` is for them, too. */
  lookups: number[];
  prefills: number[];
  /** Whether kernels are timed one by one. */
  profile: boolean;
  /** Position at which they are. */
  profileContext: number;
  /** Tokens of a chunk of a prompt; the model's default where it is not given. */
  chunkTokens: number | null;
  /** Whether prompts are computed with activations of int8 where weights are int8 or int4. */
  int8Activations: boolean;
  /** What keys and values are stored as. */
  kvCacheType: CacheType;
  /** Whether prompts multiply subgroup matrices where the adapter has them and weights are int8 or int4. */
  subgroupMatrices: boolean;
  /** Whether loading is measured, with at most so many bytes; 0 for not at all. */
  loadBytes: number;
  /** Small and few measurements, which show little more than that all of it runs. */
  quick: boolean;
  runs: number;
  tokens: number;
  /** Whether sizes that suit the adapter are looked for, and kept for models that are loaded later. */
  tune: boolean;
  /** Features of the device not to use. */
  without: OptionalFeature[];
}

const DEFAULT_CONTEXTS = [16, 1024, 4096, 16_384];
const DEFAULT_PREFILLS = [128, 512, 1024, 4096];

/**
 * Reads the options of a page's address:
 * `?shape=bamba-9b,lexicon&scheme=int8,fp8&model=./models/lexicon/&contexts=16,1024&batch=1,2,4,8,16&digits=1&lookup=1`
 * and `&prefills=512&profile=1&int8dots=1&matrices=1&cache=f16&quick=1`. `lookup=1` is short for `lookup=4,8,16`.
 * A shape may name its scheme, `bamba-9b:int8`; the schemes of `scheme` are for those that do not.
 * @throws BambaError `setting_invalid` that names what is wrong.
 */
export function parseOptions(query: URLSearchParams): BenchOptions {
  const schemes = list(query, 'scheme', ['int8']).map(scheme);
  const targets = list(query, 'shape', []).flatMap((item): BenchTarget[] => {
    const [name = '', own] = item.split(':');
    if (!isShapeName(name)) throw invalid('shape', item, Object.keys(SHAPES).join(', '));
    return (own === undefined ? schemes : [scheme(own)]).map((one) => ({ shape: name, scheme: one }));
  });
  targets.push(...list(query, 'model', []).map((url) => ({ url })));
  const quick = flag(query, 'quick');
  const numbers = (name: string, defaults: number[]) =>
    list(query, name, null)?.map((text) => count(name, text, 1)) ?? defaults;
  const number = (name: string, fallback: number, least = 0) => count(name, query.get(name) ?? `${fallback}`, least);
  const chunkTokens = number('chunk', quick ? 16 : 0);
  return {
    targets,
    contexts: numbers('contexts', quick ? [16] : DEFAULT_CONTEXTS),
    batches: batches(list(query, 'batch', [])),
    batchDigits: digits(query.get('digits') ?? '0'),
    lookups: lookups(list(query, 'lookup', [])),
    prefills: numbers('prefills', quick ? [24] : DEFAULT_PREFILLS),
    profile: flag(query, 'profile'),
    profileContext: number('profileContext', quick ? 16 : 1024),
    chunkTokens: chunkTokens === 0 ? null : chunkTokens,
    int8Activations: flag(query, 'int8dots'),
    kvCacheType: oneOf('cache', query.get('cache') ?? 'f32', CACHE_TYPES),
    subgroupMatrices: flag(query, 'matrices'),
    loadBytes: number('load', quick ? 2 ** 25 : 2 ** 31),
    quick,
    runs: number('runs', quick ? 2 : 5, 1),
    tokens: number('tokens', quick ? 8 : 64, 1),
    tune: flag(query, 'tune'),
    without: list(query, 'without', []).map((name) => oneOf('without', name, OPTIONAL_FEATURES)),
  };
}

/** `bamba-9b int8`, or the address of a package. */
export function targetName(target: BenchTarget): string {
  return 'url' in target ? target.url : `${target.shape} ${target.scheme}`;
}

function list<Fallback>(query: URLSearchParams, name: string, fallback: Fallback): string[] | Fallback {
  const items = query
    .getAll(name)
    .flatMap((text) => text.split(','))
    .map((item) => item.trim())
    .filter((item) => item !== '');
  return query.has(name) ? items : fallback;
}

function scheme(text: string): Scheme {
  return oneOf('scheme', text, SCHEMES);
}

function oneOf<One extends string>(name: string, text: string, known: readonly One[]): One {
  const found = known.find((one) => one === text);
  if (!found) throw invalid(name, text, known.join(', '));
  return found;
}

function flag(query: URLSearchParams, name: string): boolean {
  return query.has(name) && !['0', 'false'].includes(query.get(name) ?? '');
}

function count(name: string, text: string, least = 0): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < least) {
    throw invalid(name, text, `a whole number from ${least} on`);
  }
  return value;
}

function batches(texts: readonly string[]): number[] {
  return texts.map((text) => {
    const sequences = count('batch', text, 1);
    if (sequences > MOST_SLOTS) throw invalid('batch', text, `numbers of sequences from 1 to ${MOST_SLOTS}`);
    return sequences;
  });
}

function lookups(texts: readonly string[]): number[] {
  if (texts.length === 1 && texts[0] === '1') return [...VERIFIED];
  return texts.map((text) => {
    const positions = VERIFIED.find((one) => `${one}` === text);
    if (positions === undefined) throw invalid('lookup', text, `1, or some of ${VERIFIED.join(', ')}`);
    return positions;
  });
}

function digits(text: string): 0 | Digits {
  return ([0, 1, 2] as const)[Number(oneOf('digits', text, ['0', '1', '2']))]!;
}

function invalid(name: string, value: string, expected: string): BambaError {
  return new BambaError('setting_invalid', `The benchmark cannot take ${name}=${value}. Possible: ${expected}.`);
}

import fc from 'fast-check';
import { MOE_TILE, moeTiles, type MoeDims, type Routing } from '../../kernels/moe/moe-shape.ts';
import { matvec } from '../../reference/matvec.ts';
import { moeRoute } from '../../reference/moe.ts';
import { random, randomTensor, seeds } from '../arbitrary.ts';
import type { TestMatrix } from './device.ts';
import { productBounds } from './matrix-cases.ts';

// Mixtures of experts of small sizes, and what the reference makes of their parts.

/** Stands for no pair and no expert in what moe_group makes. */
export const NONE = 0xffffffff;

/** Mixtures: one expert, the numbers of small tests, and those of Granite 4.0 H Small. */
export const MOE_SHAPES: readonly MoeDims[] = [
  [1, 1],
  [8, 3],
  [72, 10],
].map(([experts, topK]) => ({ experts: experts!, topK: topK! }));

/** Ways to choose and to weight, as Jamba, LFM2 and Nemotron have them. */
export const ROUTINGS: readonly Routing[] = [
  { scores: 'softmax', biased: false, sumEps: null, scale: 1, groups: 1, keptGroups: 1 },
  { scores: 'sigmoid', biased: true, sumEps: 1e-6, scale: 2.5, groups: 1, keptGroups: 1 },
  { scores: 'sigmoid', biased: true, sumEps: 1e-20, scale: 1, groups: 4, keptGroups: 2 },
  { scores: 'sigmoid', biased: false, sumEps: null, scale: 0.5, groups: 1, keptGroups: 1 },
];

/** A pass of tokens through a mixture whose experts have `rows` rows (by four) of `columns`. */
export interface MoeCase {
  seed: number;
  tokens: number;
  rows: number;
  /** A multiple of 4. */
  columns: number;
  /** Rows of the first part of the weights, a multiple of 4 that need not be an expert's end; none for one part. */
  partRows: number[];
}

/** Cases with rows around the 64 of a tile and columns around a block of every scheme. */
export function moeCases({ experts }: MoeDims, lengths: readonly number[]): fc.Arbitrary<MoeCase> {
  return fc
    .record({
      seed: seeds(),
      tokens: fc.constantFrom(...lengths),
      quads: fc.constantFrom(1, 3, 15, 16, 17),
      columns4: fc.constantFrom(1, 3, 8, 9),
      cut: fc.double({ min: 0, max: 0.99, noNaN: true }),
    })
    .map(({ seed, tokens, quads, columns4, cut }) => {
      const first = Math.floor(quads * experts * cut) * 4;
      return { seed, tokens, rows: 4 * quads, columns: 4 * columns4, partRows: first > 0 ? [first] : [] };
    });
}

/** Logits (T, E) of which a few are equal. */
export function routerLogits(seed: number, tokens: number, { experts }: MoeDims): Float32Array {
  return randomTensor(seed, tokens * experts, 2).map((value) => Math.round(value * 8) / 8);
}

/** Experts (T, k) and shares (T, k) as the reference chooses. */
export function routes(logits: Float32Array, { experts: E, topK, routing }: MoeDims, bias?: Float32Array) {
  const tokens = logits.length / E;
  const each = Array.from({ length: tokens }, (_, t) =>
    moeRoute(logits.subarray(t * E, (t + 1) * E), topK, routing, bias),
  );
  return {
    experts: Uint32Array.from(each.flatMap(({ experts }) => experts)),
    shares: Float64Array.from(each.flatMap(({ shares }) => [...shares])),
  };
}

/** What moe_group may make of experts (T, k): tiles in the order of the experts, pairs shuffled within an expert. */
export function grouped(experts: Uint32Array, dims: MoeDims, seed: number) {
  const tiles = moeTiles(dims, experts.length / dims.topK);
  const pairs = new Uint32Array(tiles * MOE_TILE).fill(NONE);
  const tileExperts = new Uint32Array(tiles).fill(NONE);
  const next = random(seed);
  let tile = 0;
  for (let expert = 0; expert < dims.experts; expert++) {
    const own = [...experts.keys()].filter((pair) => experts[pair] === expert);
    const keys = new Map(own.map((pair) => [pair, next()]));
    own.sort((left, right) => keys.get(left)! - keys.get(right)!);
    for (let first = 0; first < own.length; first += MOE_TILE, tile++) {
      pairs.set(own.slice(first, first + MOE_TILE), tile * MOE_TILE);
      tileExperts[tile] = expert;
    }
  }
  return { pairs, tileExperts };
}

/** Products of inputs, one a pair, with the weights of the pair's expert: (pairs, rows of an expert), and bounds of f32. */
export function expertProducts(
  inputs: readonly Float32Array[],
  experts: Uint32Array,
  weights: TestMatrix,
  rows: number,
) {
  const { columns } = weights;
  const of = (values: Float32Array, expert: number) =>
    values.subarray(expert * rows * columns, (expert + 1) * rows * columns);
  const products = inputs.map((x, pair) => matvec(of(weights.weights, experts[pair]!), x));
  const bounds = inputs.map((x, pair) => productBounds(x, of(weights.magnitudes, experts[pair]!), columns));
  const joined = (parts: readonly Float64Array[]) => Float64Array.from(parts.flatMap((part) => [...part]));
  return { products: joined(products), bounds: joined(bounds) };
}

/** The words of a tensor of u32 that was read as f32. */
export function words(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

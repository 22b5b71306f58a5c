import fc from 'fast-check';

// Tensors and shapes for property tests. A tensor is drawn as a seed: shrinking then shrinks shapes, not numbers.

/** Pseudo-random numbers in [0, 1) from a seed (Mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `size` numbers of a normal distribution of mean 0 and deviation `scale`, in f32. */
export function randomTensor(seed: number, size: number, scale = 1): Float32Array<ArrayBuffer> {
  const next = random(seed);
  // Box and Muller; 1 - u, since the logarithm of 0 is not finite.
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return Float32Array.from({ length: size }, () => scale * normal());
}

/** A seed of `randomTensor`. */
export const seeds = (): fc.Arbitrary<number> => fc.integer({ min: 0, max: 2 ** 31 - 1 });

/** A size of at most `most`: 1, primes, and around `tile` and its double. */
export function sizes({ tile, most }: { tile: number; most: number }): fc.Arbitrary<number> {
  const candidates = [
    1,
    2,
    3,
    5,
    7,
    13,
    31,
    61,
    97,
    127,
    tile - 1,
    tile,
    tile + 1,
    2 * tile - 1,
    2 * tile,
    2 * tile + 1,
  ];
  const fitting = [...new Set(candidates)].filter((size) => size >= 1 && size <= most).toSorted((a, b) => a - b);
  return fc.constantFrom(...fitting);
}

import { alternatives, type DispatchSpec } from '../gpu/plan.ts';

// The tiles of matmul kernels, each to be run with any number of tokens and rows.

/** Picks from the dispatches of a matmul those with certain tiles. */
export type TileChoice = (specs: readonly DispatchSpec[]) => DispatchSpec[];

/** As in a pass: by the number of tokens. */
export const byTokens: TileChoice = (specs) => [...specs];

function nth(index: number): TileChoice {
  return (specs) =>
    specs.map((spec) => {
      const chosen = alternatives(spec)[index];
      if (!chosen) throw new Error(`${spec.label} has no alternative ${index}`);
      return { ...chosen, upTo: undefined };
    });
}

/** All tiles, with the tokens of each. */
export const MATMUL_TILES: readonly { name: string; tile: number; choose: TileChoice }[] = [
  { name: 'short', tile: 16, choose: nth(0) },
  { name: 'long', tile: 64, choose: nth(1) },
];

/** The same tiles with products written out, as on a GPU. */
export function unrolledTiles(choose: TileChoice): TileChoice {
  return (specs) => choose(specs).map((spec) => ({ ...spec, constants: { ...spec.constants, UNROLLED: 1 } }));
}

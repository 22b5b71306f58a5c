// uses: lib/step.wgsl, lib/math.wgsl, lib/activation.wgsl, lib/weight.wgsl, lib/tile.wgsl, lib/matmul.wgsl, lib/team_sums.wgsl, lib/action.wgsl
// moe_matmul: s[pair, r] = sum_c x[pair / x_pairs, c] * W[e, r, c] of every pair of a token t and an expert e that it goes to,
//   pair = t * top_k + place;  y[pair, r] = s[pair, r], or y[pair, f] = silu(s[pair, 2f]) * s[pair, 2f+1]
//
// Shapes    x: (T * top_k / x_pairs, C) f32;  pairs: (tiles, LANES_T * LANES_T) u32 and tile_experts: (tiles) u32 as
//           moe_group makes them;  weights: rows first_row .. first_row + rows of (E * expert_rows, C), any scheme;
//           y: (T * top_k, stride) f32, stride being expert_rows, or half of it where gate and up rows of each expert are
//           in turn. rows, first_row and expert_rows are multiples of 4.
// Mapping   one workgroup a tile of pairs by 64 rows of its expert's weights: x of the grid the rows, y the tile. Rows
//           outside of what is bound are left to the dispatch of another part of the weights.
// Constants LANES_T   invocations along the pairs, each with as many, 8 or 4; the workgroup has 16 * LANES_T.
//           UNROLLED  whether the products of a step are written out: faster on a GPU, slow to compile for a processor.
//           ACTION    what becomes of the sums: 0 they are y, 2 gate and up, see lib/action.wgsl.
// Source    Shazeer 2020, SwiGLU; Gale et al. 2023, MegaBlocks; reference: moe.ts in src/reference.

override LANES_T: u32 = 4;
const LANES_R: u32 = 16;
const TEAMS: u32 = 1;
override UNROLLED: bool = false;
override ACTION: u32 = 0;

struct Params {
  rows: u32,         // of weights
  first_row: u32,
  blocks: u32,       // 16-byte blocks of a row
  columns4: u32,     // C / 4
  expert_rows: u32,
  top_k: u32,
  x_pairs: u32,      // pairs of one row of x: top_k where a token has one, else 1
  stride: u32,       // of y
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;             // (T * top_k / x_pairs, C)
@group(0) @binding(2) var<storage, read> pairs: array<u32>;           // (tiles, LANES_T * LANES_T)
@group(0) @binding(3) var<storage, read> tile_experts: array<u32>;    // (tiles)
@group(0) @binding(4) var<storage, read> weights: array<vec4u>;       // (rows, C)
@group(0) @binding(5) var<storage, read_write> y: array<f32>;         // (T * top_k, stride)
@group(1) @binding(0) var<uniform> step: Step;

const NONE: u32 = 0xffffffff;

@compute @workgroup_size(16 * LANES_T)
fn moe_matmul(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let expert = tile_experts[workgroup.y];
  if (expert == NONE) {
    return;
  }
  // Of the rows that are bound; below the first it wraps to a large number, and from there the tile may reach them.
  let row = expert * params.expert_rows + workgroup.x * tile_rows() - params.first_row;
  if (row >= params.rows && row + tile_rows() - 1 >= tile_rows() - 1) {
    return;
  }
  matmul_tile(lane, workgroup.y * tile_tokens(), row, params.rows, params.blocks, params.columns4);
}

fn x_row(place: u32) -> u32 {
  return min(pairs[place], step.tokens * params.top_k - 1) / params.x_pairs;
}

fn write_sums(place: u32, first_row: u32, sums: vec4f) {
  let before = tile_experts[place / tile_tokens()] * params.expert_rows - params.first_row;
  let pair = pairs[place];
  for (var j = 0u; j < 4; j += 2) {
    let row = first_row + j;
    if (row < params.rows && row - before < params.expert_rows && pair != NONE) {
      let scales = pair_scales(row, params.rows, params.blocks);
      put_pair(pair * params.stride, row - before, true, scales * vec2f(sums[j], sums[j + 1]));
    }
  }
}

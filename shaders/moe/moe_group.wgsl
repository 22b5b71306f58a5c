// uses: lib/step.wgsl
// moe_group: sorts the pairs (token, chosen expert) of a pass by expert, into tiles of TILE pairs of one expert each
//
// Shapes    experts: (T, TOP_K) u32;  pairs: (tiles, TILE) u32, numbers t * TOP_K + place, in any order within an expert,
//           NONE where a tile is not full;  tile_experts: (tiles) u32, NONE for tiles without pairs, which come last.
//           There are T * TOP_K / TILE + min(EXPERTS, T * TOP_K) tiles, rounded down, which is enough for any choice.
// Mapping   one workgroup: an invocation takes every WG-th pair, and every WG-th expert.
// Constants WG   invocations a workgroup.    EXPERTS, TOP_K   experts, and how many of them a token goes to.
//           TILE   pairs of a tile.
// Source    Gale et al. 2023, MegaBlocks: products of tokens by expert in blocks; reference: moe.ts in src/reference.

override WG: u32 = 256;
override EXPERTS: u32 = 64;
override TOP_K: u32 = 6;
override TILE: u32 = 16;

@group(0) @binding(1) var<storage, read> experts: array<u32>;               // (T, TOP_K)
@group(0) @binding(2) var<storage, read_write> pairs: array<u32>;           // (tiles, TILE)
@group(0) @binding(3) var<storage, read_write> tile_experts: array<u32>;    // (tiles)
@group(1) @binding(0) var<uniform> step: Step;

const NONE: u32 = 0xffffffff;

var<workgroup> counts: array<atomic<u32>, EXPERTS>;  // pairs of each expert
var<workgroup> ends: array<atomic<u32>, EXPERTS>;    // where the next pair of each expert goes
var<workgroup> used: u32;                            // tiles that have pairs

fn tiles_of(expert: u32) -> u32 {
  return (atomicLoad(&counts[expert]) + TILE - 1) / TILE;
}

@compute @workgroup_size(WG)
fn moe_group(@builtin(local_invocation_index) lane: u32) {
  let total = step.tokens * TOP_K;
  for (var expert = lane; expert < EXPERTS; expert += WG) {
    atomicStore(&counts[expert], 0);
  }
  workgroupBarrier();
  for (var pair = lane; pair < total; pair += WG) {
    atomicAdd(&counts[experts[pair]], 1);
  }
  workgroupBarrier();
  for (var expert = lane; expert < EXPERTS; expert += WG) {
    var tile = 0u;
    for (var other = 0u; other < expert; other++) {
      tile += tiles_of(other);
    }
    let end = tile + tiles_of(expert);
    let first_empty = tile * TILE + atomicLoad(&counts[expert]);
    atomicStore(&ends[expert], tile * TILE);
    for (; tile < end; tile++) {
      tile_experts[tile] = expert;
    }
    for (var empty = first_empty; empty < end * TILE; empty++) {
      pairs[empty] = NONE;
    }
    if (expert == EXPERTS - 1) {
      used = end;
    }
  }
  workgroupBarrier();
  for (var pair = lane; pair < total; pair += WG) {
    pairs[atomicAdd(&ends[experts[pair]], 1)] = pair;
  }
  for (var tile = used + lane; tile < total / TILE + min(EXPERTS, total); tile += WG) {
    tile_experts[tile] = NONE;
  }
}

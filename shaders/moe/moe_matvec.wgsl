// uses: lib/grid.wgsl, lib/reduce.wgsl, lib/weight.wgsl, lib/scales.wgsl, lib/matvec.wgsl, lib/chosen.wgsl
// moe_matvec: y[r] = sum_k sum_f W[experts[k], r, f] * v[k, f]
//
// Shapes    v: (top_k, F) f32;  experts: (top_k) u32;  weights: rows first_row .. first_row + rows of (E * expert_rows, F),
//           any scheme;  y: (expert_rows) f32. rows, first_row and expert_rows are multiples of 4.
// Mapping   one workgroup four rows of y; its invocations share the blocks of these rows of all chosen experts.
// Constants WG   invocations a workgroup, a power of two.
//           ADD  0 where the sums are y, 1 where they are added to it, as those of a further part of the weights are.
// Source    reference: moe.ts in src/reference.

override WG: u32 = 64;
override ADD: u32 = 0;

struct Params {
  rows: u32,
  first_row: u32,    // of all experts' rows
  blocks: u32,       // 16-byte blocks of a row
  columns4: u32,     // F / 4
  expert_rows: u32,  // of y
  top_k: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> v: array<vec4f>;              // (top_k, F)
@group(0) @binding(2) var<storage, read> experts: array<u32>;          // (top_k)
@group(0) @binding(3) var<storage, read> weights: array<vec4u>;        // (rows, F)
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;        // (expert_rows)

@compute @workgroup_size(WG)
fn moe_matvec(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let first = folded_group(group) * 4;
  if (first >= params.expert_rows) {
    return;
  }
  let sums = workgroup_sum(Sums(chosen_dots(first, invocation.lane), 0.0), invocation);
  if (invocation.lane == 0) {
    var four = sums.four;
    if (ADD == 1) {
      four += y[first / 4];
    }
    y[first / 4] = four;
  }
}

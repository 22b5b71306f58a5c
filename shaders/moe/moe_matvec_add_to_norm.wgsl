// uses: lib/grid.wgsl, lib/reduce.wgsl, lib/weight.wgsl, lib/scales.wgsl, lib/matvec.wgsl, lib/chosen.wgsl, lib/to_norm.wgsl
// moe_matvec_add_to_norm: x[r] += sum_k sum_f W[experts[k], r, f] * v[k, f], on its way into the next RMSNorm:
//   h = x * norm_weight, x_squares[r / 4] = x[r]^2 + .. + x[r + 3]^2
//
// Shapes    v: (top_k, F) f32;  experts: (top_k) u32;  weights: rows first_row .. first_row + rows of (E * expert_rows, F),
//           any scheme;  norm_weight, x, h: (expert_rows) f32;  x_squares: (expert_rows / 4).
//           rows, first_row and expert_rows are multiples of 4.
// Mapping   one workgroup four rows of x; its invocations share the blocks of these rows of all chosen experts. Rows
//           outside of what is bound are left to the dispatch of another part of the weights.
// Constants WG   invocations a workgroup, a power of two.
// Source    reference: moe.ts, add.ts, to_norm.ts in src/reference.

override WG: u32 = 64;

struct Params {
  rows: u32,
  first_row: u32,    // of all experts' rows
  blocks: u32,       // 16-byte blocks of a row
  columns4: u32,     // F / 4
  expert_rows: u32,  // C
  top_k: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> v: array<vec4f>;              // (top_k, F)
@group(0) @binding(2) var<storage, read> experts: array<u32>;          // (top_k)
@group(0) @binding(3) var<storage, read> weights: array<vec4u>;        // (rows, F)
@group(0) @binding(4) var<storage, read> norm_weight: array<vec4f>;    // (expert_rows)
@group(0) @binding(5) var<storage, read_write> x: array<vec4f>;        // (expert_rows)
@group(0) @binding(6) var<storage, read_write> h: array<vec4f>;        // (expert_rows)
@group(0) @binding(7) var<storage, read_write> x_squares: array<f32>;  // (expert_rows / 4)

@compute @workgroup_size(WG)
fn moe_matvec_add_to_norm(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let first = folded_group(group) * 4;
  if (first >= params.expert_rows) {
    return;
  }
  let sums = workgroup_sum(Sums(chosen_dots(first, invocation.lane), 0.0), invocation);
  if (invocation.lane == 0) {
    add_to_norm(first / 4, sums.four);
  }
}

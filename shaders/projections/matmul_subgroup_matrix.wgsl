// uses: lib/step.wgsl, lib/math.wgsl, lib/activation.wgsl, lib/weight.wgsl, lib/subgroup_matrix.wgsl, lib/matmul_subgroup_matrix.wgsl, lib/action.wgsl, lib/write_sums.wgsl
// matmul_subgroup_matrix: s[t, r] = scale * x_scale[t] * sum_c (256 * x[t, 0, c] + x[t, 1, c]) * W[r, c]
//                  y[t, r] = s[t, r], y[t, r] += s[t, r], or y[t, f] = silu(s[t, 2f]) * s[t, 2f+1]
//
// Shapes    x: (T, 2, x_blocks) of 16 int8;  x_scale: (T) f32;  weights: (rows, C), int8 or int4;  y: (T, stride), columns
//           first_row .. first_row + rows, or half of them where gate and up rows of weights are in turn: rows and
//           first_row are then even.
// Mapping   one workgroup 64 tokens by 128 rows: x of the grid the tokens, which share what is read of the weights, y the
//           rows. Subgroups are of 32.
// Constants ACTION   what becomes of the sums s: 0 y = s, 1 y += s, 2 y[t, f] = silu(s[t, 2f]) * s[t, 2f+1], see
//                    lib/action.wgsl.
// Source    Shazeer 2020, SwiGLU; reference: quantize_rows_int16.ts, matmul.ts, add.ts, swiglu.ts in src/reference.

override ACTION: u32 = 0;

struct Params {
  rows: u32,
  first_row: u32,
  blocks: u32,    // 16-byte blocks of a row
  x_blocks: u32,  // of a row of x, of one digit
  stride: u32,    // of y
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4i>;            // (T, 2, x_blocks)
@group(0) @binding(2) var<storage, read> x_scale: array<f32>;        // (T)
@group(0) @binding(3) var<storage, read> weights: array<vec4u>;      // (rows, C)
@group(0) @binding(4) var<storage, read_write> y: array<f32>;        // (T, stride)
@group(1) @binding(0) var<uniform> step: Step;

@compute @workgroup_size(256)
fn matmul_subgroup_matrix(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) member: u32,
) {
  matmul_tile(lane, subgroup, member, workgroup, step.tokens, params.rows, params.blocks, params.x_blocks);
}

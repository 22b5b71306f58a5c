// uses: lib/step.wgsl, lib/math.wgsl, lib/activation.wgsl, lib/weight.wgsl, lib/biased.wgsl, lib/integers.wgsl, lib/stored.wgsl, lib/tile.wgsl, lib/bytes.wgsl, lib/matmul_int8.wgsl, lib/team_sums.wgsl, lib/action.wgsl, lib/write_sums.wgsl
// matmul_int8: s[t, r] = scale * sum_c x_scale[t, c / 128] * x[t, c] * W[r, c]
//              y[t, r] = s[t, r], y[t, r] += s[t, r], or y[t, f] = silu(s[t, 2f]) * s[t, 2f+1]
//
// Shapes    x: (T, x_blocks) of 16 int8;  x_scale: (T, groups of 128) f32;  weights: (rows, C), int8 or int4;
//           y: (T, stride), columns first_row .. first_row + rows, or half of them where gate and up rows of weights are in
//           turn: rows and first_row are then even.
// Mapping   one workgroup LANES_T * LANES_T tokens by 4 * LANES_R rows: x of the grid the rows, y the tokens. Its teams share
//           the columns.
// Constants LANES_T   invocations of a team along the tokens, each with as many, 8 or 4.
//           LANES_R   along the rows, each with four, 16 or 8.
//           TEAMS     of LANES_T * LANES_R invocations: 1, or more where LANES_T is 4.
//           UNROLLED  whether the products of a step are written out: faster on a GPU, slow to compile for a processor.
//           ACTION    what becomes of the sums s: 0 y = s, 1 y += s, 2 y[t, f] = silu(s[t, 2f]) * s[t, 2f+1], see
//                     lib/action.wgsl.
// Source    Shazeer 2020, SwiGLU; reference: quantize_rows.ts, matmul.ts, add.ts, swiglu.ts in src/reference.

override LANES_T: u32 = 8;
override LANES_R: u32 = 16;
override TEAMS: u32 = 1;
override UNROLLED: bool = false;
override ACTION: u32 = 0;

struct Params {
  rows: u32,
  first_row: u32,
  blocks: u32,    // 16-byte blocks of a row
  x_blocks: u32,  // of a row of x
  stride: u32,    // of y
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4u>;            // (T, x_blocks)
@group(0) @binding(2) var<storage, read> x_scale: array<f32>;        // (T, groups)
@group(0) @binding(3) var<storage, read> weights: array<vec4u>;      // (rows, C)
@group(0) @binding(4) var<storage, read_write> y: array<f32>;        // (T, stride)
@group(1) @binding(0) var<uniform> step: Step;

@compute @workgroup_size(TEAMS * LANES_T * LANES_R)
fn matmul_int8(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) invocation: u32) {
  matmul_tile(invocation, workgroup, step.tokens, params.rows, params.blocks, params.x_blocks);
}

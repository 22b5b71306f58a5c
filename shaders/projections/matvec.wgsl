// uses: lib/grid.wgsl, lib/math.wgsl, lib/activation.wgsl, lib/reduce.wgsl, lib/weight.wgsl, lib/matvec.wgsl, lib/action.wgsl
// matvec: y[r] = sum_c W[r, c] * v[c], or y[r] += sum_c W[r, c] * v[c]
//
// Shapes    v: (C) f32;  weights: (rows, C), any scheme;  y: from first_row on, f32.
// Mapping   one workgroup four rows.
// Constants WG      invocations a workgroup, a power of two.
//           ACTION  what becomes of the sums: 0 they are y, 1 they are added to it, see lib/action.wgsl.
// Source    reference: matvec.ts, add.ts in src/reference.

override WG: u32 = 64;
override ACTION: u32 = 0;

struct Params {
  rows: u32,
  first_row: u32,  // of y
  blocks: u32,     // 16-byte blocks of a row
  columns4: u32,   // C / 4
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> v: array<vec4f>;          // (C)
@group(0) @binding(2) var<storage, read> weights: array<vec4u>;    // (rows, C)
@group(0) @binding(3) var<storage, read_write> y: array<f32>;      // (rows of all parts)

fn input4(index: u32) -> vec4f {
  return select(vec4f(), v[index], index < params.columns4);
}

@compute @workgroup_size(WG)
fn matvec(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let first = folded_group(group) * 4;
  if (first >= params.rows) {
    return;
  }
  let dots = matvec_rows(first, params.rows, params.blocks, invocation.lane);
  let sums = workgroup_sum(Sums(dots, 0.0), invocation);
  let row = first + invocation.lane;
  if (invocation.lane < 4 && row < params.rows) {
    put(params.first_row + row, sums.four[invocation.lane] * row_scale(row, params.rows, params.blocks));
  }
}

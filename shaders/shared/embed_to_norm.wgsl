// uses: lib/reduce.wgsl, lib/weight.wgsl
// embed_to_norm: x = scale * embedding[ids[0], :], on its way into an RMSNorm: h = x * norm_weight, x_squares[0] = sum(x^2)
//
// Shapes    ids: (1) u32;  weights: rows first_row .. first_row + rows of (V, C), any scheme;  norm_weight, x, h: (C) f32;
//           x_squares: (4 or more) f32, of which the sum is the first and the next three are zeroed.
// Mapping   one workgroup; an invocation takes 16-byte blocks of the row. An id outside the rows is left to the dispatch
//           of another part of the table.
// Constants WG   invocations a workgroup, a power of two.
// Source    reference: embed.ts, to_norm.ts in src/reference.

override WG: u32 = 256;

struct Params {
  rows: u32,
  first_row: u32,
  blocks: u32,    // 16-byte blocks of a row
  columns4: u32,  // C / 4
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ids: array<u32>;                // (1)
@group(0) @binding(2) var<storage, read> weights: array<vec4u>;          // (rows, C)
@group(0) @binding(3) var<storage, read> norm_weight: array<vec4f>;      // (C)
@group(0) @binding(4) var<storage, read_write> x: array<vec4f>;          // (C)
@group(0) @binding(5) var<storage, read_write> h: array<vec4f>;          // (C)
@group(0) @binding(6) var<storage, read_write> x_squares: array<vec4f>;  // (1 or more)

@compute @workgroup_size(WG)
fn embed_to_norm(invocation: Invocation) {
  let row = ids[0] - params.first_row;  // wraps to a large number below first_row
  let is_here = row < params.rows;
  var sum = 0.0;
  if (is_here) {
    let scale = params.scale * row_scale(row, params.rows, params.blocks);
    for (var block = invocation.lane; block < params.blocks; block += WG) {
      let bits = weights[row * params.blocks + block];
      let group = block_scale(row, block, params.rows, params.blocks);
      for (var half = 0u; half < HALVES; half++) {
        let values = decode_half(bits, half);
        for (var part = 0u; part < BLOCK4; part++) {
          let column4 = (block * HALVES + half) * BLOCK4 + part;
          if (column4 < params.columns4) {
            let value = scale * (group.x * values[part] + group.y);
            x[column4] = value;
            h[column4] = value * norm_weight[column4];
            sum += dot(value, value);
          }
        }
      }
    }
  }
  let total = workgroup_sum(Sums(vec4f(), sum), invocation).one;
  if (is_here && invocation.lane == 0) {
    x_squares[0] = vec4f(total, 0.0, 0.0, 0.0);
  }
}

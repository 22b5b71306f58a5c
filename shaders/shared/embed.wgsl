// uses: lib/step.wgsl, lib/weight.wgsl
// embed: x[t, :] = scale * embedding[ids[t], :]
//
// Shapes    ids: (T) u32;  weights: rows first_row .. first_row + rows of (V, C), any scheme;  x: (T, C) f32.
// Mapping   one invocation a 16-byte block of a row; y of the grid is the token t.
//           Ids outside the rows are left to the dispatch of another part of the table.
// Constants WG   invocations a workgroup.
// Source    reference: src/reference/embed.ts.

override WG: u32 = 64;

struct Params {
  rows: u32,
  first_row: u32,
  blocks: u32,    // 16-byte blocks of a row
  columns4: u32,  // C / 4
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ids: array<u32>;            // (T)
@group(0) @binding(2) var<storage, read> weights: array<vec4u>;      // (rows, C)
@group(0) @binding(3) var<storage, read_write> x: array<vec4f>;      // (T, C)
@group(1) @binding(0) var<uniform> step: Step;

@compute @workgroup_size(WG)
fn embed(@builtin(global_invocation_id) invocation: vec3u) {
  let block = invocation.x;
  let t = invocation.y;
  let row = ids[t] - params.first_row;  // wraps to a large number below first_row
  if (block >= params.blocks || t >= step.tokens || row >= params.rows) {
    return;
  }
  let bits = weights[row * params.blocks + block];
  let group = block_scale(row, block, params.rows, params.blocks);
  let scale = params.scale * row_scale(row, params.rows, params.blocks);
  for (var half = 0u; half < HALVES; half++) {
    let values = decode_half(bits, half);
    for (var part = 0u; part < BLOCK4; part++) {
      let column4 = (block * HALVES + half) * BLOCK4 + part;
      if (column4 < params.columns4) {
        x[t * params.columns4 + column4] = scale * (group.x * values[part] + group.y);
      }
    }
  }
}

// uses: lib/math.wgsl
// attention_gate: y[r, h, d] = y[r, h, d] * sigmoid(gate[r, h, d]), where all rows may share one of the gate
//
// Shapes    y: (rows, H, D/4 + padding) vec4f: attention of tokens, or what attention_decode leaves of each split;
//           gate: (rows or 1, H, D) f32.
// Mapping   one invocation four columns: x of the grid the columns of all heads, y the rows.
// Constants WG   invocations a workgroup.
// Source    transformers' Qwen3NextAttention; reference: sigmoid.ts in src/reference.

override WG: u32 = 64;

struct Params {
  heads: u32,         // H
  dim4: u32,          // D / 4
  head_stride4: u32,  // of a head in y
  row_stride4: u32,   // of a row of gate, 0 where there is one
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gate: array<vec4f>;       // (rows or 1, H, D)
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;    // (rows, H, D/4 + padding)

@compute @workgroup_size(WG)
fn attention_gate(@builtin(global_invocation_id) invocation: vec3u) {
  let column = invocation.x;
  if (column >= params.heads * params.dim4) {
    return;
  }
  let head = invocation.y * params.heads + column / params.dim4;
  let value = gate[invocation.y * params.row_stride4 + column];
  y[head * params.head_stride4 + column % params.dim4] *=
    vec4f(sigmoid(value.x), sigmoid(value.y), sigmoid(value.z), sigmoid(value.w));
}

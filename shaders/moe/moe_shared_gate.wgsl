// uses: lib/math.wgsl
// moe_shared_gate: y[t, f] = y[t, f] * sigmoid(logits[t, column])
//
// Shapes    logits: (T, stride) f32;  y: (T, F) f32. F is a multiple of 4.
// Mapping   one invocation four columns: x of the grid the columns, y the tokens.
// Constants WG   invocations a workgroup.
// Source    transformers' Qwen3NextSparseMoeBlock (shared_expert_gate); reference: sigmoid.ts in src/reference.

override WG: u32 = 64;

struct Params {
  columns4: u32,  // F / 4
  stride: u32,    // of logits
  column: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;       // (T, stride)
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;    // (T, F)

@compute @workgroup_size(WG)
fn moe_shared_gate(@builtin(global_invocation_id) invocation: vec3u) {
  let column = invocation.x;
  if (column >= params.columns4) {
    return;
  }
  y[invocation.y * params.columns4 + column] *= sigmoid(logits[invocation.y * params.stride + params.column]);
}

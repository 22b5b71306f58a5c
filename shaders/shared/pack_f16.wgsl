// uses: lib/grid.wgsl
// pack_f16: packed_x[i] = f16(x[2i]) and f16(x[2i + 1]), within what f16 can hold
//
// Shapes    x: (elements) f32, a multiple of 4;  packed_x: (elements / 2) words of two f16.
// Mapping   one invocation four elements.
// Constants WG   invocations a workgroup.
// Source    IEEE 754 binary16; reference: kv_cache.ts in src/reference.

override WG: u32 = 256;

const F16_MAX: f32 = 65504.0;

struct Params {
  fours: u32,  // elements / 4
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;                 // (elements)
@group(0) @binding(2) var<storage, read_write> packed_x: array<vec2u>;    // (elements / 2)

@compute @workgroup_size(WG)
fn pack_f16(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = folded_group(group) * WG + lane;
  if (index >= params.fours) {
    return;
  }
  // WGSL says nothing about a number that does not fit.
  let value = clamp(x[index], vec4f(-F16_MAX), vec4f(F16_MAX));
  packed_x[index] = vec2u(pack2x16float(value.xy), pack2x16float(value.zw));
}

// uses: lib/grid.wgsl
// unpack_f16: x[2i] and x[2i + 1] = the two f16 of packed_x[i]
//
// Shapes    packed_x: (elements / 2) words of two f16;  x: (elements) f32, a multiple of 4.
// Mapping   one invocation four elements.
// Constants WG   invocations a workgroup.
// Source    IEEE 754 binary16; reference: kv_cache.ts in src/reference.

override WG: u32 = 256;

struct Params {
  fours: u32,  // elements / 4
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> packed_x: array<vec2u>;     // (elements / 2)
@group(0) @binding(2) var<storage, read_write> x: array<vec4f>;      // (elements)

@compute @workgroup_size(WG)
fn unpack_f16(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = folded_group(group) * WG + lane;
  if (index < params.fours) {
    let words = packed_x[index];
    x[index] = vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
  }
}

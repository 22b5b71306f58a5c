// uses: lib/grid.wgsl
// ceiling_copy: y = x, 16 bytes an invocation.

struct Params {
  blocks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4u>;         // (blocks)
@group(0) @binding(2) var<storage, read_write> y: array<vec4u>;   // (blocks)

@compute @workgroup_size(256)
fn ceiling_copy(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = folded_group(group) * 256 + lane;
  if (block < params.blocks) {
    y[block] = x[block];
  }
}

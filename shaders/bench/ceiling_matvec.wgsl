// uses: lib/bytes.wgsl, lib/grid.wgsl, lib/reduce.wgsl
// ceiling_matvec: y[r] = sum_c W[r, c] * x[c], the plainest one that reads memory at full speed: W int8, without scales.
//
// Mapping   one workgroup four rows; their number is a multiple of four.

const WG = 128u;

struct Params {
  blocks: u32,  // 16-byte blocks of a row
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;         // (C)
@group(0) @binding(2) var<storage, read> weights: array<vec4u>;   // (rows, C)
@group(0) @binding(3) var<storage, read_write> y: array<f32>;     // (rows)

fn dot_block(block: vec4u, at: u32) -> f32 {
  return dot(vec4f(unpack_bytes(block.x)), x[at]) + dot(vec4f(unpack_bytes(block.y)), x[at + 1]) +
    dot(vec4f(unpack_bytes(block.z)), x[at + 2]) + dot(vec4f(unpack_bytes(block.w)), x[at + 3]);
}

@compute @workgroup_size(WG)
fn ceiling_matvec(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let first = folded_group(group) * 4;
  let base = vec4u(first, first + 1, first + 2, first + 3) * params.blocks;
  var dots = vec4f();
  for (var block = invocation.lane; block < params.blocks; block += WG) {
    dots += vec4f(
      dot_block(weights[base.x + block], 4 * block),
      dot_block(weights[base.y + block], 4 * block),
      dot_block(weights[base.z + block], 4 * block),
      dot_block(weights[base.w + block], 4 * block),
    );
  }
  let sums = workgroup_sum(Sums(dots, 0.0), invocation);
  if (invocation.lane < 4) {
    y[first + invocation.lane] = sums.four[invocation.lane];
  }
}

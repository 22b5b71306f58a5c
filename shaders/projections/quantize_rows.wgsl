// uses: lib/bytes.wgsl
// quantize_rows: y[t, c] = round(x[t, c] / scale[t, g]), scale[t, g] = max |x[t, c]| / 127 over c of group g = c / 128
//
// Shapes    x: (T, C) f32;  y: (T, blocks) of 16 int8 each, zeros behind C;  scale: (T, groups) f32.
// Mapping   one workgroup 8 groups of a row: x of the grid the groups, y the tokens; one invocation a block.
// Constants none.
// Source    Dettmers et al. 2022 (absmax quantization); reference: src/reference/quantize_rows.ts.
// Hazards   a group of magnitudes below 1e-30 becomes zeros: 127 / max would overflow.

const GROUP_BLOCKS: u32 = 8;

struct Params {
  columns4: u32,  // C / 4
  blocks: u32,    // of 16 columns
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;              // (T, C)
@group(0) @binding(2) var<storage, read_write> y: array<vec4u>;        // (T, blocks)
@group(0) @binding(3) var<storage, read_write> scale: array<f32>;      // (T, groups)

var<workgroup> largest: array<f32, 64>;

@compute @workgroup_size(64)
fn quantize_rows(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = workgroup.y;
  let block = workgroup.x * 64 + lane;
  var values = mat4x4f();
  for (var i = 0u; i < 4; i++) {
    let column = 4 * block + i;
    if (column < params.columns4) {
      values[i] = x[t * params.columns4 + column];
    }
  }
  let most = max(max(abs(values[0]), abs(values[1])), max(abs(values[2]), abs(values[3])));
  largest[lane] = max(max(most.x, most.y), max(most.z, most.w));
  workgroupBarrier();
  var of_group = 0.0;
  for (var i = 0u; i < GROUP_BLOCKS; i++) {
    of_group = max(of_group, largest[lane / GROUP_BLOCKS * GROUP_BLOCKS + i]);
  }
  if (block >= params.blocks) {
    return;
  }
  let inverse = select(127.0 / of_group, 0.0, of_group < 1e-30);
  y[t * params.blocks + block] = vec4u(
    pack_bytes(vec4i(round(values[0] * inverse))),
    pack_bytes(vec4i(round(values[1] * inverse))),
    pack_bytes(vec4i(round(values[2] * inverse))),
    pack_bytes(vec4i(round(values[3] * inverse))),
  );
  if (lane % GROUP_BLOCKS == 0) {
    let groups = (params.blocks + GROUP_BLOCKS - 1) / GROUP_BLOCKS;
    scale[t * groups + block / GROUP_BLOCKS] = of_group / 127.0;
  }
}

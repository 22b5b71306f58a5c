// uses: lib/bytes.wgsl
// quantize_rows_int16: q[t, c] = round(x[t, c] / scale[t]), scale[t] = max |x[t, c]| / 32639 over all c
//                   q = 256 * upper + lower, two digits of int8
//
// Shapes    x: (T, C) f32;  y: (T, 2, blocks) of 16 int8 each, upper digits before lower ones, zeros behind C;
//           scale: (T) f32.
// Mapping   one workgroup a row: x of the grid the tokens.
// Constants none.
// Source    Dettmers et al. 2022 (absmax quantization); reference: src/reference/quantize_rows_int16.ts.
// Hazards   a row of magnitudes below 1e-30 becomes zeros: 32639 / max would overflow. 32639 is 127 * 256 + 127: the
//           largest with both digits in int8.

const LARGEST: f32 = 32639.0;

struct Params {
  columns4: u32,  // C / 4
  blocks: u32,    // of 16 columns
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;              // (T, C)
@group(0) @binding(2) var<storage, read_write> y: array<u32>;          // (T, 2, blocks)
@group(0) @binding(3) var<storage, read_write> scale: array<f32>;      // (T)

var<workgroup> largest: array<f32, 256>;

@compute @workgroup_size(256)
fn quantize_rows_int16(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = workgroup.x;
  let words = 4 * params.blocks;
  var most = vec4f();
  for (var c4 = lane; c4 < params.columns4; c4 += 256) {
    most = max(most, abs(x[t * params.columns4 + c4]));
  }
  largest[lane] = max(max(most.x, most.y), max(most.z, most.w));
  for (var width = 128u; width > 0; width /= 2) {
    workgroupBarrier();
    if (lane < width) {
      largest[lane] = max(largest[lane], largest[lane + width]);
    }
  }
  workgroupBarrier();
  let inverse = select(LARGEST / largest[0], 0.0, largest[0] < 1e-30);
  for (var c4 = lane; c4 < words; c4 += 256) {
    var q = vec4i();
    if (c4 < params.columns4) {
      q = vec4i(round(x[t * params.columns4 + c4] * inverse));
    }
    y[2 * t * words + c4] = pack_bytes((q + 128) >> vec4u(8));
    y[(2 * t + 1) * words + c4] = pack_bytes(q);
  }
  if (lane == 0) {
    scale[t] = largest[0] / LARGEST;
  }
}

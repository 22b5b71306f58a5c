// uses: lib/reduce.wgsl, lib/math.wgsl
// rms_norm_gated: r = y * silu(z);  out[t, c] = r[t, c] / sqrt(mean(r[t, group of c]^2) + eps) * weight[c]
//   or, the gate behind the norm, r = y and out times silu(z)
//
// Shapes    y, out: (T, I) f32;  u: (T, stride) f32 of which the first I columns are z;  weight: (I) f32.
// Mapping   one workgroup a row t and norm group: x the row, y the group.
// Constants WG          invocations a workgroup, a power of two.
//           GATE_LAST   1 where the gate stands behind the norm, 0 before it.
// Source    transformers' BambaRMSNormGated, and FalconH1RMSNormGated for the other order; reference: src/reference/rms_norm_gated.ts.

override WG: u32 = 128;
override GATE_LAST: u32 = 0;

struct Params {
  columns4: u32,  // I / 4
  stride: u32,    // of u
  groups: u32,
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<vec4f>;            // (T, I)
@group(0) @binding(2) var<storage, read> u: array<f32>;              // (T, stride)
@group(0) @binding(3) var<storage, read> weight: array<vec4f>;       // (I)
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>;    // (T, I)

fn gate(t: u32, column: u32) -> vec4f {
  let at = t * params.stride + column * 4;
  return silu4(vec4f(u[at], u[at + 1], u[at + 2], u[at + 3]));
}

@compute @workgroup_size(WG)
fn rms_norm_gated(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let t = group.x;
  let width = params.columns4 / params.groups;
  let first = group.y * width;
  var squares = 0.0;
  for (var column = first + invocation.lane; column < first + width; column += WG) {
    var value = y[t * params.columns4 + column];
    if (GATE_LAST == 0) {
      value *= gate(t, column);
    }
    out[t * params.columns4 + column] = value;
    squares += dot(value, value);
  }
  let sums = workgroup_sum(Sums(vec4f(), squares), invocation);
  let norm = inverseSqrt(sums.one / f32(width * 4) + params.eps);
  for (var column = first + invocation.lane; column < first + width; column += WG) {
    var factor = norm * weight[column];
    if (GATE_LAST == 1) {
      factor *= gate(t, column);
    }
    out[t * params.columns4 + column] *= factor;
  }
}

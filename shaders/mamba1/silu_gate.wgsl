// uses: lib/step.wgsl, lib/math.wgsl
// silu_gate: out[t, c] = y[t, c] * silu(z[t, c])
//
// Shapes    y, out: (T, I) f32;  u: (T, stride) f32 of which the first I columns are z.
// Mapping   one invocation four columns: x of the grid the columns, y the tokens.
// Constants WG   invocations a workgroup.
// Source    the end of a Mamba-2 mixer without a gated norm; reference: rms_norm_gated.ts in src/reference.

override WG: u32 = 64;

struct Params {
  columns4: u32,  // I / 4
  stride: u32,    // of u
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<vec4f>;            // (T, I)
@group(0) @binding(2) var<storage, read> u: array<f32>;              // (T, stride)
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>;    // (T, I)
@group(1) @binding(0) var<uniform> step: Step;

@compute @workgroup_size(WG)
fn silu_gate(@builtin(global_invocation_id) invocation: vec3u) {
  let column = invocation.x;
  let t = invocation.y;
  if (column >= params.columns4 || t >= step.tokens) {
    return;
  }
  let at = t * params.stride + column * 4;
  let index = t * params.columns4 + column;
  out[index] = y[index] * silu4(vec4f(u[at], u[at + 1], u[at + 2], u[at + 3]));
}

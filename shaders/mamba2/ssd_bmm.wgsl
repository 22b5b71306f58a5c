// uses: lib/step.wgsl
// ssd_bmm: cb[chunk, g, t, s] = C[t, g, :] . B[s, g, :] for t, s in the chunk
//
// Shapes    v: (T, CD) f32 of x: I | B: G*N | C: G*N;  cb: (chunks, G, Q, Q).
// Mapping   one invocation an element; x the grid over s, y over t, z over chunk * G + g. Only s <= t is written.
// Constants Q   tokens of a chunk, a multiple of 8.    N   state size, a multiple of 4.
// Source    Dao & Gu 2024, section 6, step 1 (the quadratic mask's C B^T); reference: src/reference/ssd.ts.

override Q: u32 = 64;
override N: u32 = 128;

struct Params {
  inner: u32,   // I
  groups: u32,  // G
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> v: array<vec4f>;            // (T, CD)
@group(0) @binding(2) var<storage, read_write> cb: array<f32>;       // (chunks, G, Q, Q)
@group(1) @binding(0) var<uniform> step: Step;

@compute @workgroup_size(8, 8)
fn ssd_bmm(@builtin(global_invocation_id) invocation: vec3u) {
  let s = invocation.x;
  let t = invocation.y;
  let first = invocation.z / params.groups * Q;
  let group = invocation.z % params.groups;
  if (s > t || first + t >= step.tokens) {
    return;
  }
  let stride4 = (params.inner + 2 * params.groups * N) / 4;
  let b = (first + s) * stride4 + (params.inner + group * N) / 4;
  let c = (first + t) * stride4 + (params.inner + (params.groups + group) * N) / 4;
  var sum = 0.0;
  for (var n = 0u; n < N / 4; n++) {
    sum += dot(v[c + n], v[b + n]);
  }
  cb[(invocation.z * Q + t) * Q + s] = sum;
}

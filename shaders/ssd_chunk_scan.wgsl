// uses: lib/step.wgsl, lib/log_decay.wgsl
// ssd_chunk_scan: the output of a chunk's tokens, from the state that enters it and the tokens before them in the chunk:
//   y_t = exp(l_t) S C_t + sum_{s<=t} cb[t, s] exp(l_t - l_s) dt_s x_s + d x_t
//
// Shapes    v: (T, CD) f32 of x: (H, P) | B: (G, N) | C: (G, N);  cb: (chunks, G, Q, Q), the dot products C_t . B_s;
//           decays: (chunks, H, Q) as ssd_chunk_cumsum leaves them;  states: (chunks, H, P, N);  d: (H);  y: (T, H, P).
// Mapping   one workgroup PT rows p of one head in one chunk: x the tile, y the head, z the chunk. An invocation makes
//           four p of two tokens. The factors cb[t, s] exp(l_t - l_s) are made once for all p, SPAN tokens s at a time.
// Constants WG   invocations.    Q   tokens of a chunk, a multiple of 8.
//           N    state size, a multiple of 4.    PT   rows of a workgroup, a multiple of 4 that divides P.
// Hazards   exp(l_t - l_s) is never factored, its argument never above 0, and the mask selects terms.
// Source    Dao & Gu 2024, section 6, listing 1, steps 1 and 4; reference: src/reference/ssd.ts.

override WG: u32 = 128;
override Q: u32 = 64;
override N: u32 = 128;
override PT: u32 = 16;

const SPAN: u32 = 8;

struct Params {
  heads: u32,     // H
  head_dim: u32,  // P
  groups: u32,    // G
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> v: array<vec4f>;                  // (T, CD)
@group(0) @binding(2) var<storage, read> cb: array<f32>;                   // (chunks, G, Q, Q)
@group(0) @binding(3) var<storage, read> decays: array<vec4f>;             // (chunks, H, Q)
@group(0) @binding(4) var<storage, read> states: array<vec4f>;             // (chunks, H, P, N)
@group(0) @binding(5) var<storage, read> d: array<f32>;                    // (H)
@group(0) @binding(6) var<storage, read_write> y: array<vec4f>;            // (T, H, P)
@group(1) @binding(0) var<uniform> step: Step;

var<workgroup> state_tile: array<vec4f, PT * (N / 4 + 1)>;  // (PT, N), rows padded so that lanes hit different banks
var<workgroup> dtx: array<vec4f, Q * PT / 4>;               // (Q, PT): dt_s * x_s
var<workgroup> log_decays: array<vec2f, Q>;
var<workgroup> factors: array<vec2f, SPAN * (Q / 2 + 1)>;   // (SPAN, Q / 2) of two tokens t each, padded

// cb[t, s] exp(l_t - l_s) of tokens t and t + 1; 0 for s after them, and past the end. Of cb only s <= t is there.
fn factors_at(chunk_cb: u32, s: u32, t: u32, length: u32) -> vec2f {
  let cb_at = chunk_cb + t * Q + s;
  var both = vec2f();
  if (s <= t && t < length) {
    both.x = cb[cb_at] * decay(log_decays[t] - log_decays[s]);
  }
  if (s <= t + 1 && t + 1 < length) {
    both.y = cb[cb_at + Q] * decay(log_decays[t + 1] - log_decays[s]);
  }
  return both;
}

@compute @workgroup_size(WG)
fn ssd_chunk_scan(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let head = workgroup.y;
  let chunk = workgroup.z;
  let first_p = workgroup.x * PT;
  let first = chunk * Q;
  let length = min(Q, step.tokens - first);
  let group = head / (params.heads / params.groups);
  let inner = params.heads * params.head_dim;
  let stride4 = (inner + 2 * params.groups * N) / 4;
  let x_offset4 = (head * params.head_dim + first_p) / 4;
  let c_offset4 = (inner + (params.groups + group) * N) / 4;
  let decays_at = (chunk * params.heads + head) * Q;
  let state_at = (chunk * inner + head * params.head_dim + first_p) * (N / 4);

  for (var index = lane; index < PT * (N / 4); index += WG) {
    state_tile[index / (N / 4) * (N / 4 + 1) + index % (N / 4)] = states[state_at + index];
  }
  for (var index = lane; index < Q * PT / 4; index += WG) {
    let s = index / (PT / 4);
    // dt is 0 past the end.
    dtx[index] = decays[decays_at + s].x * v[(first + min(s, length - 1)) * stride4 + x_offset4 + index % (PT / 4)];
  }
  for (var s = lane; s < Q; s += WG) {
    log_decays[s] = decays[decays_at + s].yz;
  }
  workgroupBarrier();

  let chunk_cb = (chunk * params.groups + group) * Q * Q;
  for (var base = 0u; base < Q / 2 * (PT / 4); base += WG) {
    let unit = base + lane;
    let pair = min(unit / (PT / 4), Q / 2 - 1);
    let part = unit % (PT / 4);
    let t = 2 * pair;
    // Tokens past the end are read as the last, and not written.
    let c_at = (vec2u(min(t, length - 1), min(t + 1, length - 1)) + first) * stride4 + c_offset4;
    let rows_at = part * 4 * (N / 4 + 1);
    var out0 = vec4f();
    var out1 = vec4f();
    for (var n = 0u; n < N / 4; n++) {
      let c0 = v[c_at.x + n];
      let c1 = v[c_at.y + n];
      let s0 = state_tile[rows_at + n];
      let s1 = state_tile[rows_at + (N / 4 + 1) + n];
      let s2 = state_tile[rows_at + 2 * (N / 4 + 1) + n];
      let s3 = state_tile[rows_at + 3 * (N / 4 + 1) + n];
      out0 += vec4f(dot(s0, c0), dot(s1, c0), dot(s2, c0), dot(s3, c0));
      out1 += vec4f(dot(s0, c1), dot(s1, c1), dot(s2, c1), dot(s3, c1));
    }
    out0 *= decay(log_decays[t]);
    out1 *= decay(log_decays[t + 1]);
    for (var span = 0u; span < length; span += SPAN) {
      workgroupBarrier();  // the factors before were used
      for (var index = lane; index < SPAN * Q / 2; index += WG) {
        let s = index % SPAN;
        factors[s * (Q / 2 + 1) + index / SPAN] = factors_at(chunk_cb, span + s, index / SPAN * 2, length);
      }
      workgroupBarrier();
      if (t + 1 >= span) {
        for (var i = 0u; i < SPAN; i++) {
          let factor = factors[i * (Q / 2 + 1) + pair];
          let x4 = dtx[(span + i) * (PT / 4) + part];
          out0 += factor.x * x4;
          out1 += factor.y * x4;
        }
      }
    }
    let y_at = ((first + t) * inner + head * params.head_dim + first_p) / 4 + part;
    let x_at = (first + t) * stride4 + x_offset4 + part;
    if (unit < Q / 2 * (PT / 4) && t < length) {
      y[y_at] = out0 + d[head] * v[x_at];
      if (t + 1 < length) {
        y[y_at + inner / 4] = out1 + d[head] * v[x_at + stride4];
      }
    }
  }
}

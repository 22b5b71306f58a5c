// uses: lib/step.wgsl, lib/math.wgsl
// ssd_chunk_scan: the chunked SSD of one head from an incoming state, chunk after chunk, the state kept on chip:
//   dt_t = clamp(softplus(dt_raw_t + dt_bias), dt_lo, dt_hi);   l_t = sum_{s<=t} dt_s * a      (within the chunk)
//   y_t  = sum_{s<=t} cb[t, s] exp(l_t - l_s) dt_s x_s + exp(l_t) S C_t + d x_t
//   S    = exp(l_last) S + sum_s exp(l_last - l_s) dt_s x_s B_s^T
//
// Shapes    v: (T, CD) f32 of x: (H, P) | B: (G, N) | C: (G, N);  u: (T, stride), dt_raw at column dt_offset + h;
//           cb: (chunks, G, Q, Q), the dot products C_t . B_s;  dt_bias, a, d: (H);  ssm_state: (H, P, N);
//           y: (T, H, P).
// Mapping   one workgroup PT rows p of one head h: x the tile, y the head. Of the state an invocation holds four n of
//           four p in registers; of the output it makes four p of two tokens. The factors cb[t, s] exp(l_t - l_s) are
//           made once for all p, for SPAN tokens s at a time.
// Constants WG   invocations, PT * N / 16 and at least Q.    Q   tokens of a chunk.
//           N    state size, a multiple of 4.               PT  rows of a workgroup, a multiple of 4 that divides P.
// Hazards   exp(l_t - l_s) is never factored, its argument never above 0, and the mask selects terms. One token may add
//           -1e4 to l and its neighbours -1e-2: l is kept as an integer and a fraction, so that no digits are lost.
// Source    Dao & Gu 2024, section 6, listing 1, all four steps; reference: src/reference/ssd.ts.

override WG: u32 = 128;
override Q: u32 = 64;
override N: u32 = 128;
override PT: u32 = 16;

const SPAN: u32 = 8;

struct Params {
  heads: u32,      // H
  head_dim: u32,   // P
  groups: u32,     // G
  stride: u32,     // of u
  dt_offset: u32,  // of dt in a row of u
  dt_lo: f32,
  dt_hi: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> v: array<vec4f>;                  // (T, CD)
@group(0) @binding(2) var<storage, read> u: array<f32>;                    // (T, stride)
@group(0) @binding(3) var<storage, read> cb: array<f32>;                   // (chunks, G, Q, Q)
@group(0) @binding(4) var<storage, read> dt_bias: array<f32>;              // (H)
@group(0) @binding(5) var<storage, read> a: array<f32>;                    // (H)
@group(0) @binding(6) var<storage, read> d: array<f32>;                    // (H)
@group(0) @binding(7) var<storage, read_write> ssm_state: array<vec4f>;    // (H, P, N)
@group(0) @binding(8) var<storage, read_write> y: array<vec4f>;            // (T, H, P)
@group(1) @binding(0) var<uniform> step: Step;

var<workgroup> state_tile: array<vec4f, PT * (N / 4 + 1)>;  // (PT, N), rows padded so that lanes hit different banks
var<workgroup> dtx: array<vec4f, Q * PT / 4>;               // (Q, PT): dt_s * x_s
var<workgroup> dt: array<f32, Q>;
var<workgroup> log_decay: array<vec2f, Q>;                  // l_t: integer, and fraction within [-0.5, 0.5]
var<workgroup> scratch: array<vec2f, Q>;
var<workgroup> last_decay: array<f32, Q>;                   // exp(l_last - l_s)
var<workgroup> factors: array<vec2f, SPAN * (Q / 2 + 1)>;   // (SPAN, Q / 2) of two tokens t each, padded

fn split(value: vec2f) -> vec2f {
  let whole = round(value.y);
  return vec2f(value.x + whole, value.y - whole);
}

// exp(l), where l = 0 at most but for rounding.
fn decay(l: vec2f) -> f32 {
  return exp(min(l.x + l.y, 0.0));
}

// dt and its inclusive sum times a, by doubling.
fn chunk_cumsum(lane: u32, head: u32, first: u32, length: u32) {
  if (lane < Q) {
    var value = 0.0;  // tokens past the end: dt = 0 leaves sums and state as they are
    if (lane < length) {
      let raw = u[(first + lane) * params.stride + params.dt_offset + head];
      value = clamp(softplus(raw + dt_bias[head]), params.dt_lo, params.dt_hi);
    }
    dt[lane] = value;
    log_decay[lane] = split(vec2f(0.0, max(value * a[head], -1000.0)));  // exp is 0 there
  }
  workgroupBarrier();
  for (var reach = 1u; reach < Q; reach *= 2) {
    if (lane < Q) {
      scratch[lane] = log_decay[lane];
      if (lane >= reach) {
        scratch[lane] = split(scratch[lane] + log_decay[lane - reach]);
      }
    }
    workgroupBarrier();
    if (lane < Q) {
      log_decay[lane] = scratch[lane];
    }
    workgroupBarrier();
  }
}

// cb[t, s] exp(l_t - l_s) of tokens t and t + 1; 0 for s after them, and past the end. Of cb only s <= t is there.
fn factors_at(chunk_cb: u32, s: u32, t: u32, length: u32) -> vec2f {
  let cb_at = chunk_cb + t * Q + s;
  var both = vec2f();
  if (s <= t && t < length) {
    both.x = cb[cb_at] * decay(log_decay[t] - log_decay[s]);
  }
  if (s <= t + 1 && t + 1 < length) {
    both.y = cb[cb_at + Q] * decay(log_decay[t + 1] - log_decay[s]);
  }
  return both;
}

@compute @workgroup_size(WG)
fn ssd_chunk_scan(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let head = workgroup.y;
  let first_p = workgroup.x * PT;
  let group = head / (params.heads / params.groups);
  let stride4 = (params.heads * params.head_dim + 2 * params.groups * N) / 4;
  let x_offset4 = (head * params.head_dim + first_p) / 4;
  let b_offset4 = (params.heads * params.head_dim + group * N) / 4;
  let c_offset4 = b_offset4 + params.groups * N / 4;

  let n4 = lane % (N / 4);
  let p4 = lane / (N / 4);
  let holds = p4 < PT / 4;
  let state_at = (head * params.head_dim + first_p + p4 * 4) * (N / 4) + n4;
  var state = array<vec4f, 4>();
  if (holds) {
    for (var i = 0u; i < 4; i++) {
      state[i] = ssm_state[state_at + i * (N / 4)];
    }
  }

  for (var first = 0u; first < step.tokens; first += Q) {
    let length = min(Q, step.tokens - first);
    let chunk_cb = (first / Q * params.groups + group) * Q * Q;
    chunk_cumsum(lane, head, first, length);
    if (holds) {
      for (var i = 0u; i < 4; i++) {
        state_tile[(p4 * 4 + i) * (N / 4 + 1) + n4] = state[i];
      }
    }
    for (var index = lane; index < Q * PT / 4; index += WG) {
      let s = index / (PT / 4);
      var value = vec4f();
      if (s < length) {
        value = dt[s] * v[(first + s) * stride4 + x_offset4 + index % (PT / 4)];
      }
      dtx[index] = value;
    }
    workgroupBarrier();

    if (lane < Q) {
      last_decay[lane] = decay(log_decay[Q - 1] - log_decay[lane]);
    }

    // Output: four p of two tokens.
    for (var base = 0u; base < Q / 2 * (PT / 4); base += WG) {
      let unit = base + lane;
      let pair = min(unit / (PT / 4), Q / 2 - 1);
      let part = unit % (PT / 4);
      let t = 2 * pair;
      // Tokens past the end are read as the last, and not written.
      let c_at = vec2u(min(t, length - 1), min(t + 1, length - 1)) * stride4 + first * stride4 + c_offset4;
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
      out0 *= decay(log_decay[t]);
      out1 *= decay(log_decay[t + 1]);
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
      let y_at = ((first + t) * params.heads * params.head_dim + head * params.head_dim + first_p) / 4 + part;
      let x_at = (first + t) * stride4 + x_offset4 + part;
      if (unit < Q / 2 * (PT / 4) && t < length) {
        y[y_at] = out0 + d[head] * v[x_at];
        if (t + 1 < length) {
          y[y_at + params.heads * params.head_dim / 4] = out1 + d[head] * v[x_at + stride4];
        }
      }
    }

    // State: what comes in, decayed, and what the chunk adds.
    if (holds) {
      let last = log_decay[Q - 1];
      for (var i = 0u; i < 4; i++) {
        state[i] *= decay(last);
      }
      for (var s = 0u; s < length; s++) {
        let b4 = last_decay[s] * v[(first + s) * stride4 + b_offset4 + n4];
        let x4 = dtx[s * (PT / 4) + p4];
        for (var i = 0u; i < 4; i++) {
          state[i] += x4[i] * b4;
        }
      }
    }
    workgroupBarrier();
  }
  if (holds) {
    for (var i = 0u; i < 4; i++) {
      ssm_state[state_at + i * (N / 4)] = state[i];
    }
  }
}

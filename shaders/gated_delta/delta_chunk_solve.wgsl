// uses: lib/step.wgsl, lib/log_decay.wgsl
// delta_chunk_solve: of every chunk and value head, with (I + A) M = I and A[t, s] = beta_t exp(l_t - l_s) k_t . k_s for s < t,
//   w = M (beta exp(l) k);   fresh = M (beta v);   scores[t, s] = exp(l_t - l_s) q_t . k_s for s <= t, and 0 above
//
// Shapes    v: (T, CD) f32 of q: (HK, DK) | k: (HK, DK) | v: (H, DV), q and k normed;  decays: (chunks, H, Q) as
//           delta_chunk_cumsum leaves them;  w: (T, H, DK);  fresh: (T, H, DV);  scores: (chunks, H, Q, Q).
// Mapping   one workgroup of 128 a value head and a chunk: x the head, y the chunk. Products in tiles of four by four: half
//           of the invocations make k . k, half q . k. Then an invocation has a column of M, and all make w and fresh.
// Constants Q    tokens of a chunk, 32.    DK  key width, a multiple of 4.    DV  value width, a multiple of 4.
// Hazards   exp(l_t - l_s) is never factored, and what is masked is selected. Tokens past the end have beta = 0: their rows
//           of w and fresh are not written.
// Source    Yang et al. 2024, section 3.3 and appendix A (the WY form, extended by decays); reference: gatedDelta in
//           src/reference/gated_delta.ts.

override Q: u32 = 32;
override DK: u32 = 128;
override DV: u32 = 128;

struct Params {
  key_heads: u32,  // HK
  heads: u32,      // H: value heads
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> v: array<vec4f>;               // (T, CD)
@group(0) @binding(2) var<storage, read> decays: array<vec4f>;          // (chunks, H, Q)
@group(0) @binding(3) var<storage, read_write> w: array<vec4f>;         // (T, H, DK)
@group(0) @binding(4) var<storage, read_write> fresh: array<vec4f>;     // (T, H, DV)
@group(0) @binding(5) var<storage, read_write> scores: array<vec4f>;    // (chunks, H, Q, Q)
@group(1) @binding(0) var<uniform> step: Step;

const LANES: u32 = 128;

var<workgroup> gates: array<vec4f, Q>;       // of the chunk: decays
var<workgroup> below: array<f32, Q * Q>;     // A
var<workgroup> solved: array<f32, Q * Q>;    // M

// exp(l_t - l_s) of tokens s .. s+3, times the row, for what the mask keeps; `own` is 1 where s = t is kept.
fn decayed(row: vec4f, t: u32, s: u32, own: u32) -> vec4f {
  let l = gates[t].yz;
  let factors = vec4f(
    decay(l - gates[s].yz),
    decay(l - gates[s + 1].yz),
    decay(l - gates[s + 2].yz),
    decay(l - gates[s + 3].yz),
  );
  return select(vec4f(), row * factors, vec4u(s, s + 1, s + 2, s + 3) < vec4u(t + own));
}

fn dots(x: vec4f, k0: vec4f, k1: vec4f, k2: vec4f, k3: vec4f) -> vec4f {
  return vec4f(dot(x, k0), dot(x, k1), dot(x, k2), dot(x, k3));
}

@compute @workgroup_size(LANES)
fn delta_chunk_solve(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let head = workgroup.x;
  let first = workgroup.y * Q;
  let last = step.tokens - 1;
  let stride4 = (2 * params.key_heads * DK + params.heads * DV) / 4;
  let q4 = head / (params.heads / params.key_heads) * (DK / 4);
  let k4 = q4 + params.key_heads * (DK / 4);
  let v4 = params.key_heads * (DK / 2) + head * (DV / 4);
  let of_chunk = (workgroup.y * params.heads + head) * Q;
  if (lane < Q) {
    gates[lane] = decays[of_chunk + lane];
  }
  workgroupBarrier();

  // Tiles of four tokens t by four tokens s.
  let tiles = Q / 4;
  for (var item = lane; item < 2 * tiles * tiles; item += LANES) {
    let is_query = item >= tiles * tiles;
    let t = item % (tiles * tiles) / tiles * 4;
    let s = item % tiles * 4;
    var rows = mat4x4f();
    if (s <= t) {
      let origin = select(k4, q4, is_query);
      let x0 = min(first + t, last) * stride4 + origin;
      let x1 = min(first + t + 1, last) * stride4 + origin;
      let x2 = min(first + t + 2, last) * stride4 + origin;
      let x3 = min(first + t + 3, last) * stride4 + origin;
      let y0 = min(first + s, last) * stride4 + k4;
      let y1 = min(first + s + 1, last) * stride4 + k4;
      let y2 = min(first + s + 2, last) * stride4 + k4;
      let y3 = min(first + s + 3, last) * stride4 + k4;
      for (var d = 0u; d < DK / 4; d++) {
        let k0 = v[y0 + d];
        let k1 = v[y1 + d];
        let k2 = v[y2 + d];
        let k3 = v[y3 + d];
        rows[0] += dots(v[x0 + d], k0, k1, k2, k3);
        rows[1] += dots(v[x1 + d], k0, k1, k2, k3);
        rows[2] += dots(v[x2 + d], k0, k1, k2, k3);
        rows[3] += dots(v[x3 + d], k0, k1, k2, k3);
      }
    }
    for (var row = 0u; row < 4; row++) {
      let own = select(0u, 1u, is_query);
      let kept = decayed(rows[row], t + row, s, own);
      if (is_query) {
        scores[((of_chunk + t + row) * Q + s) / 4] = kept;
      } else {
        let strength = gates[t + row].x;
        let at = (t + row) * Q + s;
        below[at] = strength * kept.x;
        below[at + 1] = strength * kept.y;
        below[at + 2] = strength * kept.z;
        below[at + 3] = strength * kept.w;
      }
    }
  }
  workgroupBarrier();

  // Column `lane` of M, from the top down: only its own invocation reads it.
  if (lane < Q) {
    for (var t = 0u; t < Q; t++) {
      var sum = select(0.0, 1.0, t == lane);
      for (var s = lane; s < t; s++) {
        sum -= below[t * Q + s] * solved[s * Q + lane];
      }
      solved[t * Q + lane] = sum;
    }
  }
  workgroupBarrier();

  // Four rows of w or fresh by four of their columns.
  let columns4 = (DK + DV) / 4;
  for (var item = lane; item < tiles * columns4; item += LANES) {
    let t = item / columns4 * 4;
    let column = item % columns4;
    let is_key = column < DK / 4;
    let origin = select(v4 + column - DK / 4, k4 + column, is_key);
    var rows = mat4x4f();
    for (var s = 0u; s < t + 4; s++) {
      let gate = gates[s];
      let factor = gate.x * select(1.0, decay(gate.yz), is_key);
      let value = factor * v[min(first + s, last) * stride4 + origin];
      rows[0] = fma(vec4f(select(0.0, solved[t * Q + s], s <= t)), value, rows[0]);
      rows[1] = fma(vec4f(select(0.0, solved[(t + 1) * Q + s], s <= t + 1)), value, rows[1]);
      rows[2] = fma(vec4f(select(0.0, solved[(t + 2) * Q + s], s <= t + 2)), value, rows[2]);
      rows[3] = fma(vec4f(solved[(t + 3) * Q + s]), value, rows[3]);
    }
    for (var row = 0u; row < 4; row++) {
      let at = (first + t + row) * params.heads + head;
      if (first + t + row <= last) {
        if (is_key) {
          w[at * (DK / 4) + column] = rows[row];
        } else {
          fresh[at * (DV / 4) + column - DK / 4] = rows[row];
        }
      }
    }
  }
}

// uses: lib/step.wgsl, lib/log_decay.wgsl, lib/rows.wgsl
// ssd_chunk_scan: the output of a chunk's tokens, from the state that enters it and the tokens before them in the chunk:
//   y_t = exp(l_t) S C_t + sum_{s<=t} cb[t, s] exp(l_t - l_s) dt_s x_s + d x_t
//
// Shapes    v: (T, CD) f32 of x: (H, P) | B: (G, N) | C: (G, N);  cb: (chunks, G, Q, Q), the dot products C_t . B_s;
//           decays: (chunks, H, Q) as ssd_chunk_cumsum leaves them;  states: (chunks, H, P, N);  d: (H);  y: (T, H, P).
// Mapping   one workgroup PT columns p of one head in one chunk: x the tile, y the head, z the chunk. Both sums are products
//           of matrices, (Q, N) by (N, PT) and (Q, Q) by (Q, PT), made in steps of 32 columns. An invocation makes eight
//           tokens, every eighth, of four p. The inputs of a step are asked for during the one before.
// Constants Q    tokens of a chunk: 64.    N   state size, a multiple of 4.
//           PT   columns of a workgroup, a multiple of 4 that divides P; the workgroup has 2 * PT invocations.
// Hazards   exp(l_t - l_s) is never factored, its argument never above 0, and the mask selects terms.
// Source    Dao & Gu 2024, section 6, listing 1, steps 1 and 4; reference: src/reference/ssd.ts.
// Tried     On an H100, a layer of Bamba-9B, 256 tokens: 36 us. Without asking ahead 61, for the first product alone 44;
//           32 columns a workgroup 46; loops written out 36; sums in matrices 34, but 69 instead of 57 for 512 tokens.

override Q: u32 = 64;
override N: u32 = 128;
override PT: u32 = 64;

const DEPTH4: u32 = 8;  // vec4f's of a step

struct Params {
  heads: u32,     // H
  head_dim: u32,  // P
  groups: u32,    // G
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> v: array<vec4f>;                  // (T, CD)
@group(0) @binding(2) var<storage, read> cb: array<vec4f>;                 // (chunks, G, Q, Q)
@group(0) @binding(3) var<storage, read> decays: array<vec4f>;             // (chunks, H, Q)
@group(0) @binding(4) var<storage, read> states: array<vec4f>;             // (chunks, H, P, N)
@group(0) @binding(5) var<storage, read> d: array<f32>;                    // (H)
@group(0) @binding(6) var<storage, read_write> y: array<vec4f>;            // (T, H, P)
@group(1) @binding(0) var<uniform> step: Step;

// Columns of a step of the left matrix, (Q, 32): of C, then of the factors of dt_s x_s. The vec4f's of a row change places
// (^), so that invocations side by side hit different banks.
var<workgroup> left: array<array<vec4f, DEPTH4>, Q>;
// The same of the right one: (PT, 32) of the state, with every fourth row side by side, then (32, PT) of x.
var<workgroup> right: array<vec4f, PT * DEPTH4>;

// Four tokens s before others: dt_s and l_s.
struct Span {
  s: vec4u,
  dt: vec4f,
  whole: vec4f,
  fraction: vec4f,
}

fn span_at(s: u32, decays_at: u32) -> Span {
  let at = decays_at + s;
  let of_tokens = transpose(mat4x4f(decays[at], decays[at + 1], decays[at + 2], decays[at + 3]));
  return Span(s + vec4u(0, 1, 2, 3), of_tokens[0], of_tokens[1], of_tokens[2]);
}

// cb[t, s] exp(l_t - l_s) dt_s. Of cb only s <= t < length is there.
fn factors(t: u32, products: vec4f, l: vec2f, span: Span, length: u32) -> vec4f {
  let decayed = exp(min(l.x - span.whole + (l.y - span.fraction), vec4f()));
  return select(vec4f(), products * decayed * span.dt, (span.s <= vec4u(t)) & vec4<bool>(t < length));
}

// Token t of the chunk, if it is there.
fn write_token(t: u32, length: u32, y_at: u32, y_stride4: u32, x_at: u32, stride4: u32, skip: f32, sum: vec4f) {
  if (t < length) {
    y[y_at + t * y_stride4] = fma(vec4f(skip), v[x_at + t * stride4], sum);
  }
}

@compute @workgroup_size(2 * PT)
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
  let cb_at4 = (chunk * params.groups + group) * Q * (Q / 4);
  // The results of this invocation: tokens t, t + 8, .. of four p.
  let column = lane / 2 % (PT / 4);
  let t = lane % 2 + lane / 2 / (PT / 4) * 2;
  // Its loads of a step, while the one before is computed: a vec4f of four rows. Of the left matrix there are more where a
  // workgroup is small; these are loaded in between. Tokens past the end are read as the last, and not written.
  let part = lane % DEPTH4;
  let own = lane / DEPTH4;
  let rows = own + vec4u(0, 1, 2, 3) * (PT / 4);
  let more = own + PT;
  let left_at = vec4u(part) ^ (rows % DEPTH4);
  let right_at = (rows % 4 * (PT / 4) + rows / 4) * DEPTH4 + (vec4u(part) ^ (rows / 4 % DEPTH4));
  let c_at = (first + min(rows, vec4u(length - 1))) * stride4 + c_offset4;
  let s_at = state_at + rows * (N / 4);
  let x_at = first * stride4 + x_offset4 + lane % (PT / 4);
  let tokens = vec4u(lane / (PT / 4)) + vec4u(0, 8, 16, 24);

  var next_left0 = v[c_at.x + min(part, N / 4 - 1)];
  var next_left1 = v[c_at.y + min(part, N / 4 - 1)];
  var next_left2 = v[c_at.z + min(part, N / 4 - 1)];
  var next_left3 = v[c_at.w + min(part, N / 4 - 1)];
  var next_right0 = states[s_at.x + min(part, N / 4 - 1)];
  var next_right1 = states[s_at.y + min(part, N / 4 - 1)];
  var next_right2 = states[s_at.z + min(part, N / 4 - 1)];
  var next_right3 = states[s_at.w + min(part, N / 4 - 1)];
  var sum0 = vec4f();
  var sum1 = vec4f();
  var sum2 = vec4f();
  var sum3 = vec4f();
  var sum4 = vec4f();
  var sum5 = vec4f();
  var sum6 = vec4f();
  var sum7 = vec4f();
  for (var first4 = 0u; first4 < N / 4; first4 += DEPTH4) {
    let n4 = min(first4 + part, N / 4 - 1);
    if (first4 + part >= N / 4) {
      next_left0 = vec4f();
      next_left1 = vec4f();
      next_left2 = vec4f();
      next_left3 = vec4f();
    }
    left[rows.x][left_at.x] = next_left0;
    left[rows.y][left_at.y] = next_left1;
    left[rows.z][left_at.z] = next_left2;
    left[rows.w][left_at.w] = next_left3;
    for (var row = more; row < Q; row += PT / 4) {
      let c = v[(first + min(row, length - 1)) * stride4 + c_offset4 + n4];
      left[row][part ^ (row % DEPTH4)] = select(vec4f(), c, first4 + part < N / 4);
    }
    right[right_at.x] = next_right0;
    right[right_at.y] = next_right1;
    right[right_at.z] = next_right2;
    right[right_at.w] = next_right3;
    workgroupBarrier();
    if (first4 + DEPTH4 < N / 4) {
      let next4 = min(first4 + DEPTH4 + part, N / 4 - 1);
      next_left0 = v[c_at.x + next4];
      next_left1 = v[c_at.y + next4];
      next_left2 = v[c_at.z + next4];
      next_left3 = v[c_at.w + next4];
      next_right0 = states[s_at.x + next4];
      next_right1 = states[s_at.y + next4];
      next_right2 = states[s_at.z + next4];
      next_right3 = states[s_at.w + next4];
    } else {
      next_left0 = cb[cb_at4 + rows.x * (Q / 4) + part];
      next_left1 = cb[cb_at4 + rows.y * (Q / 4) + part];
      next_left2 = cb[cb_at4 + rows.z * (Q / 4) + part];
      next_left3 = cb[cb_at4 + rows.w * (Q / 4) + part];
      next_right0 = v[x_at + min(tokens.x, length - 1) * stride4];
      next_right1 = v[x_at + min(tokens.y, length - 1) * stride4];
      next_right2 = v[x_at + min(tokens.z, length - 1) * stride4];
      next_right3 = v[x_at + min(tokens.w, length - 1) * stride4];
    }
    for (var k = 0u; k < DEPTH4; k++) {
      let at = column * DEPTH4 + (k ^ (column % DEPTH4));
      let p0 = right[at];
      let p1 = right[at + 2 * PT];
      let p2 = right[at + 4 * PT];
      let p3 = right[at + 6 * PT];
      let c0 = vec4f(p0.x, p1.x, p2.x, p3.x);
      let c1 = vec4f(p0.y, p1.y, p2.y, p3.y);
      let c2 = vec4f(p0.z, p1.z, p2.z, p3.z);
      let c3 = vec4f(p0.w, p1.w, p2.w, p3.w);
      sum0 = with_row(sum0, left[t][k ^ t], c0, c1, c2, c3);
      sum1 = with_row(sum1, left[t + 8][k ^ t], c0, c1, c2, c3);
      sum2 = with_row(sum2, left[t + 16][k ^ t], c0, c1, c2, c3);
      sum3 = with_row(sum3, left[t + 24][k ^ t], c0, c1, c2, c3);
      sum4 = with_row(sum4, left[t + 32][k ^ t], c0, c1, c2, c3);
      sum5 = with_row(sum5, left[t + 40][k ^ t], c0, c1, c2, c3);
      sum6 = with_row(sum6, left[t + 48][k ^ t], c0, c1, c2, c3);
      sum7 = with_row(sum7, left[t + 56][k ^ t], c0, c1, c2, c3);
    }
    workgroupBarrier();
  }
  sum0 *= decay(decays[decays_at + t].yz);
  sum1 *= decay(decays[decays_at + t + 8].yz);
  sum2 *= decay(decays[decays_at + t + 16].yz);
  sum3 *= decay(decays[decays_at + t + 24].yz);
  sum4 *= decay(decays[decays_at + t + 32].yz);
  sum5 *= decay(decays[decays_at + t + 40].yz);
  sum6 *= decay(decays[decays_at + t + 48].yz);
  sum7 *= decay(decays[decays_at + t + 56].yz);

  for (var first_s = 0u; first_s < length; first_s += 4 * DEPTH4) {
    let span = span_at(first_s + 4 * part, decays_at);
    left[rows.x][left_at.x] = factors(rows.x, next_left0, decays[decays_at + rows.x].yz, span, length);
    left[rows.y][left_at.y] = factors(rows.y, next_left1, decays[decays_at + rows.y].yz, span, length);
    left[rows.z][left_at.z] = factors(rows.z, next_left2, decays[decays_at + rows.z].yz, span, length);
    left[rows.w][left_at.w] = factors(rows.w, next_left3, decays[decays_at + rows.w].yz, span, length);
    for (var row = more; row < Q; row += PT / 4) {
      let products = cb[cb_at4 + row * (Q / 4) + first_s / 4 + part];
      left[row][part ^ (row % DEPTH4)] = factors(row, products, decays[decays_at + row].yz, span, length);
    }
    right[lane] = next_right0;
    right[lane + 2 * PT] = next_right1;
    right[lane + 4 * PT] = next_right2;
    right[lane + 6 * PT] = next_right3;
    workgroupBarrier();
    if (first_s + 4 * DEPTH4 < length) {
      next_left0 = cb[cb_at4 + rows.x * (Q / 4) + first_s / 4 + DEPTH4 + part];
      next_left1 = cb[cb_at4 + rows.y * (Q / 4) + first_s / 4 + DEPTH4 + part];
      next_left2 = cb[cb_at4 + rows.z * (Q / 4) + first_s / 4 + DEPTH4 + part];
      next_left3 = cb[cb_at4 + rows.w * (Q / 4) + first_s / 4 + DEPTH4 + part];
      next_right0 = v[x_at + min(first_s + 4 * DEPTH4 + tokens.x, length - 1) * stride4];
      next_right1 = v[x_at + min(first_s + 4 * DEPTH4 + tokens.y, length - 1) * stride4];
      next_right2 = v[x_at + min(first_s + 4 * DEPTH4 + tokens.z, length - 1) * stride4];
      next_right3 = v[x_at + min(first_s + 4 * DEPTH4 + tokens.w, length - 1) * stride4];
    }
    for (var k = 0u; k < DEPTH4; k++) {
      let at = k * PT + column;
      let c0 = right[at];
      let c1 = right[at + PT / 4];
      let c2 = right[at + PT / 4 * 2];
      let c3 = right[at + PT / 4 * 3];
      // Tokens before the 33rd take nothing from those after it.
      if (first_s < 32) {
        sum0 = with_row(sum0, left[t][k ^ t], c0, c1, c2, c3);
        sum1 = with_row(sum1, left[t + 8][k ^ t], c0, c1, c2, c3);
        sum2 = with_row(sum2, left[t + 16][k ^ t], c0, c1, c2, c3);
        sum3 = with_row(sum3, left[t + 24][k ^ t], c0, c1, c2, c3);
      }
      sum4 = with_row(sum4, left[t + 32][k ^ t], c0, c1, c2, c3);
      sum5 = with_row(sum5, left[t + 40][k ^ t], c0, c1, c2, c3);
      sum6 = with_row(sum6, left[t + 48][k ^ t], c0, c1, c2, c3);
      sum7 = with_row(sum7, left[t + 56][k ^ t], c0, c1, c2, c3);
    }
    workgroupBarrier();
  }

  let skip = d[head];
  let y_at = (first * inner + head * params.head_dim + first_p) / 4 + column;
  let own_x = first * stride4 + x_offset4 + column;
  write_token(t, length, y_at, inner / 4, own_x, stride4, skip, sum0);
  write_token(t + 8, length, y_at, inner / 4, own_x, stride4, skip, sum1);
  write_token(t + 16, length, y_at, inner / 4, own_x, stride4, skip, sum2);
  write_token(t + 24, length, y_at, inner / 4, own_x, stride4, skip, sum3);
  write_token(t + 32, length, y_at, inner / 4, own_x, stride4, skip, sum4);
  write_token(t + 40, length, y_at, inner / 4, own_x, stride4, skip, sum5);
  write_token(t + 48, length, y_at, inner / 4, own_x, stride4, skip, sum6);
  write_token(t + 56, length, y_at, inner / 4, own_x, stride4, skip, sum7);
}

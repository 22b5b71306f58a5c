// uses: lib/step.wgsl, lib/log_decay.wgsl
// ssd_state_passing: the states that enter the chunks of a pass, one after the other, and the one behind the last:
//   states[chunk] = S;   S = exp(l_last) S + sum_s exp(l_last - l_s) dt_s x_s B_s^T
//
// Shapes    v: (T, CD) f32 of x: (H, P) | B: (G, N) | C: (G, N);  decays: (chunks, H, Q) as ssd_chunk_cumsum leaves them;
//           ssm_state: (H, P, N);  states: (chunks, H, P, N).
// Mapping   one workgroup 8*LANES_P rows p by 4*LANES_N columns n of a head, from the first chunk to the last: x the tile, y
//           the head. Inputs pass through workgroup memory, DEPTH tokens at a time, and are asked for one step ahead. An
//           invocation has eight p by four n in registers.
// Constants LANES_P  invocations along p, an even number up to 8.    LANES_N  along n, up to 16.
//           DEPTH    tokens of a step, a multiple of 4 that divides Q; at most 2 * LANES_N and 4 * LANES_P.
//           Q        tokens of a chunk.    N   state size, a multiple of 4.
// Hazards   exp(l_last - l_s) is never factored (it is in `decays`).
// Source    Dao & Gu 2024, section 6, listing 1, steps 2 and 3; reference: src/reference/ssd.ts.
// Tried     On an H100, a layer of Bamba-9B, without tiles of registers and without asking ahead 53 us for 256 tokens,
//           with them 24; for 512 tokens 178 and 48. Of Lexicon 43 and 15. 2026-11-26.

override LANES_P: u32 = 8;
override LANES_N: u32 = 16;
override DEPTH: u32 = 32;
override Q: u32 = 64;
override N: u32 = 128;

struct Params {
  heads: u32,     // H
  head_dim: u32,  // P
  groups: u32,    // G
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> v: array<vec4f>;                  // (T, CD)
@group(0) @binding(2) var<storage, read> decays: array<vec4f>;             // (chunks, H, Q)
@group(0) @binding(3) var<storage, read_write> ssm_state: array<vec4f>;    // (H, P, N)
@group(0) @binding(4) var<storage, read_write> states: array<vec4f>;       // (chunks, H, P, N)
@group(1) @binding(0) var<uniform> step: Step;

// Inputs of a step's tokens; only the first 2 * LANES_P and LANES_N of a row are used.
var<workgroup> x_tile: array<array<vec4f, 16>, DEPTH>;
var<workgroup> b_tile: array<array<vec4f, 16>, DEPTH>;  // with the factors

// Where the inputs of a workgroup are.
struct Source {
  head: u32,
  stride4: u32,   // of a row of v
  x4: u32,        // of x in a row, from the tile's first column on
  x_count4: u32,  // that are there
  b4: u32,        // the same of B
  b_count4: u32,
}

// Number `index` of a step's vec4f's of x. Tokens past the end are read as the last.
fn x_at(source: Source, first: u32, index: u32) -> vec4f {
  let t = min(first + index / (2 * LANES_P), step.tokens - 1);
  return v[t * source.stride4 + source.x4 + min(index % (2 * LANES_P), source.x_count4 - 1)];
}

// The same of B. Tokens past the end have a factor of 0.
fn b_at(source: Source, first: u32, index: u32) -> vec4f {
  let t = first + index / LANES_N;
  let factor = decays[(t / Q * params.heads + source.head) * Q + t % Q].w;
  let row = min(t, step.tokens - 1) * source.stride4;
  return factor * v[row + source.b4 + min(index % LANES_N, source.b_count4 - 1)];
}

@compute @workgroup_size(LANES_P * LANES_N)
fn ssd_state_passing(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let lanes = LANES_P * LANES_N;
  let head = workgroup.y;
  let tiles_n = (N / 4 + LANES_N - 1) / LANES_N;
  let first_p4 = workgroup.x / tiles_n * 2 * LANES_P;
  let first_n4 = workgroup.x % tiles_n * LANES_N;
  // Two invocations side by side share their n, so that they read the same values of B.
  let lane_n = lane / 2 % LANES_N;
  let lane_p = lane % 2 + lane / 2 / LANES_N * 2;
  let inner = params.heads * params.head_dim;
  let head_dim4 = params.head_dim / 4;
  let source = Source(
    head,
    (inner + 2 * params.groups * N) / 4,
    head * head_dim4 + first_p4,
    head_dim4 - first_p4,
    (inner + head / (params.heads / params.groups) * N) / 4 + first_n4,
    N / 4 - first_n4,
  );
  // An invocation has four p here and four that are 4 * LANES_P further, if the tile is full.
  let p4 = first_p4 + lane_p;
  let n4 = first_n4 + lane_n;
  let near = p4 < head_dim4 && n4 < N / 4;
  let far = p4 + LANES_P < head_dim4 && n4 < N / 4;
  let near_at = (head * params.head_dim + 4 * p4) * (N / 4) + n4;
  let far_at = near_at + 4 * LANES_P * (N / 4);

  var state0 = vec4f();
  var state1 = vec4f();
  var state2 = vec4f();
  var state3 = vec4f();
  var state4 = vec4f();
  var state5 = vec4f();
  var state6 = vec4f();
  var state7 = vec4f();
  if (near) {
    state0 = ssm_state[near_at];
    state1 = ssm_state[near_at + N / 4];
    state2 = ssm_state[near_at + 2 * (N / 4)];
    state3 = ssm_state[near_at + 3 * (N / 4)];
  }
  if (far) {
    state4 = ssm_state[far_at];
    state5 = ssm_state[far_at + N / 4];
    state6 = ssm_state[far_at + 2 * (N / 4)];
    state7 = ssm_state[far_at + 3 * (N / 4)];
  }
  var next_x0 = vec4f();
  var next_x1 = vec4f();
  var next_x2 = vec4f();
  var next_x3 = vec4f();
  var next_b0 = vec4f();
  var next_b1 = vec4f();
  var next_b2 = vec4f();
  var next_b3 = vec4f();
  next_x0 = x_at(source, 0, lane);
  if (DEPTH * 2 > LANES_N) {
    next_x1 = x_at(source, 0, lane + lanes);
  }
  if (DEPTH * 2 > 2 * LANES_N) {
    next_x2 = x_at(source, 0, lane + 2 * lanes);
  }
  if (DEPTH * 2 > 3 * LANES_N) {
    next_x3 = x_at(source, 0, lane + 3 * lanes);
  }
  next_b0 = b_at(source, 0, lane);
  if (DEPTH > LANES_P) {
    next_b1 = b_at(source, 0, lane + lanes);
  }
  if (DEPTH > 2 * LANES_P) {
    next_b2 = b_at(source, 0, lane + 2 * lanes);
  }
  if (DEPTH > 3 * LANES_P) {
    next_b3 = b_at(source, 0, lane + 3 * lanes);
  }
  for (var first = 0u; first < step.tokens; first += DEPTH) {
    if (first % Q == 0) {
      let chunk = first / Q;
      let to = chunk * inner * (N / 4);
      if (near) {
        states[to + near_at] = state0;
        states[to + near_at + N / 4] = state1;
        states[to + near_at + 2 * (N / 4)] = state2;
        states[to + near_at + 3 * (N / 4)] = state3;
      }
      if (far) {
        states[to + far_at] = state4;
        states[to + far_at + N / 4] = state5;
        states[to + far_at + 2 * (N / 4)] = state6;
        states[to + far_at + 3 * (N / 4)] = state7;
      }
      let whole = decay(decays[(chunk * params.heads + head) * Q + Q - 1].yz);
      state0 *= whole;
      state1 *= whole;
      state2 *= whole;
      state3 *= whole;
      state4 *= whole;
      state5 *= whole;
      state6 *= whole;
      state7 *= whole;
    }
    if (lane < DEPTH * 2 * LANES_P) {
      x_tile[lane / (2 * LANES_P)][lane % (2 * LANES_P)] = next_x0;
    }
    if (lane + lanes < DEPTH * 2 * LANES_P) {
      x_tile[(lane + lanes) / (2 * LANES_P)][(lane + lanes) % (2 * LANES_P)] = next_x1;
    }
    if (lane + 2 * lanes < DEPTH * 2 * LANES_P) {
      x_tile[(lane + 2 * lanes) / (2 * LANES_P)][(lane + 2 * lanes) % (2 * LANES_P)] = next_x2;
    }
    if (lane + 3 * lanes < DEPTH * 2 * LANES_P) {
      x_tile[(lane + 3 * lanes) / (2 * LANES_P)][(lane + 3 * lanes) % (2 * LANES_P)] = next_x3;
    }
    if (lane < DEPTH * LANES_N) {
      b_tile[lane / LANES_N][lane % LANES_N] = next_b0;
    }
    if (lane + lanes < DEPTH * LANES_N) {
      b_tile[(lane + lanes) / LANES_N][(lane + lanes) % LANES_N] = next_b1;
    }
    if (lane + 2 * lanes < DEPTH * LANES_N) {
      b_tile[(lane + 2 * lanes) / LANES_N][(lane + 2 * lanes) % LANES_N] = next_b2;
    }
    if (lane + 3 * lanes < DEPTH * LANES_N) {
      b_tile[(lane + 3 * lanes) / LANES_N][(lane + 3 * lanes) % LANES_N] = next_b3;
    }
    workgroupBarrier();
    // Behind the last step they are read, but not used.
    next_x0 = x_at(source, first + DEPTH, lane);
    if (DEPTH * 2 > LANES_N) {
      next_x1 = x_at(source, first + DEPTH, lane + lanes);
    }
    if (DEPTH * 2 > 2 * LANES_N) {
      next_x2 = x_at(source, first + DEPTH, lane + 2 * lanes);
    }
    if (DEPTH * 2 > 3 * LANES_N) {
      next_x3 = x_at(source, first + DEPTH, lane + 3 * lanes);
    }
    next_b0 = b_at(source, first + DEPTH, lane);
    if (DEPTH > LANES_P) {
      next_b1 = b_at(source, first + DEPTH, lane + lanes);
    }
    if (DEPTH > 2 * LANES_P) {
      next_b2 = b_at(source, first + DEPTH, lane + 2 * lanes);
    }
    if (DEPTH > 3 * LANES_P) {
      next_b3 = b_at(source, first + DEPTH, lane + 3 * lanes);
    }
    for (var k = 0u; k < DEPTH; k++) {
      let b = b_tile[k][lane_n];
      let x = x_tile[k][lane_p];
      state0 = fma(vec4f(x.x), b, state0);
      state1 = fma(vec4f(x.y), b, state1);
      state2 = fma(vec4f(x.z), b, state2);
      state3 = fma(vec4f(x.w), b, state3);
      let x_far = x_tile[k][lane_p + LANES_P];
      state4 = fma(vec4f(x_far.x), b, state4);
      state5 = fma(vec4f(x_far.y), b, state5);
      state6 = fma(vec4f(x_far.z), b, state6);
      state7 = fma(vec4f(x_far.w), b, state7);
    }
    workgroupBarrier();
  }
  if (near) {
    ssm_state[near_at] = state0;
    ssm_state[near_at + N / 4] = state1;
    ssm_state[near_at + 2 * (N / 4)] = state2;
    ssm_state[near_at + 3 * (N / 4)] = state3;
  }
  if (far) {
    ssm_state[far_at] = state4;
    ssm_state[far_at + N / 4] = state5;
    ssm_state[far_at + 2 * (N / 4)] = state6;
    ssm_state[far_at + 3 * (N / 4)] = state7;
  }
}

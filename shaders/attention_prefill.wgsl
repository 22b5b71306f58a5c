// uses: lib/step.wgsl
// attention_prefill: y[t, h] = softmax_j(scale * q[t, h] . k[j, h / (heads/J)]) v[j, ...],  j <= position + t
//
// Shapes    qkv: (T, heads + 2*J, head_dim) f32, q already rotated;  k_cache, v_cache: (capacity, J, head_dim), up to
//           and with position + T - 1;  y: (T, heads, head_dim).
// Mapping   one workgroup 4*ROW_QUADS rows of one KV head: x the tile, y the KV head. A row is a pair (t, query head of
//           the KV head), the head fastest, so that keys and values are read once for all heads that share them. Both
//           products are made in tiles: of the scores an invocation has four rows by four keys, of the output four rows
//           by every 16th vec4f of a row.
// Constants ROW_QUADS   a workgroup has 16 * ROW_QUADS invocations.    HEAD_DIM4    head_dim / 4, at most 64.
//           VALUE_KEYS  keys of a tile of values, a multiple of 4 that divides 64.
// Source    Dao 2023, FlashAttention-2; reference: attention.ts in src/reference.

override ROW_QUADS: u32 = 8;
override HEAD_DIM4: u32 = 32;
override VALUE_KEYS: u32 = 16;

const KEYS: u32 = 64;        // of a tile of scores
const KEY_QUADS: u32 = 16;
const STEP4: u32 = 4;        // vec4f's of a head that a step of the scores takes
const MASKED: f32 = -3.0e38; // a score below all others; WGSL promises nothing about infinities

struct Params {
  heads: u32,
  kv_heads: u32,  // J
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> qkv: array<vec4f>;          // (T, heads + 2*J, head_dim)
@group(0) @binding(2) var<storage, read> k_cache: array<vec4f>;      // (capacity, J, head_dim)
@group(0) @binding(3) var<storage, read> v_cache: array<vec4f>;      // (capacity, J, head_dim)
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;      // (T, heads, head_dim)
@group(1) @binding(0) var<uniform> step: Step;

// In turn: queries, (16, rows / 4) of four rows each; largest scores, (rows / 4, 16); weights, (VALUE_KEYS, rows / 4).
var<workgroup> row_tile: array<vec4f, 16 * ROW_QUADS>;
// In turn: keys, (16, KEYS / 4) of four keys each; values, (VALUE_KEYS, HEAD_DIM4).
var<workgroup> key_tile: array<vec4f, 4 * STEP4 * KEY_QUADS + VALUE_KEYS * HEAD_DIM4>;

// What attention to a workgroup's rows needs to know.
struct Rows {
  kv_head: u32,
  sharing: u32,  // query heads of a KV head
  first: u32,
  count: u32,    // of all workgroups
}

// Zeros past the end of a head. Rows past the end repeat the last one.
fn query4(rows: Rows, row: u32, d4: u32) -> vec4f {
  let at = min(rows.first + row, rows.count - 1);
  let head = rows.kv_head * rows.sharing + at % rows.sharing;
  let index = ((at / rows.sharing) * (params.heads + 2 * params.kv_heads) + head) * HEAD_DIM4 + d4;
  return select(vec4f(), params.scale * qkv[index], d4 < HEAD_DIM4);
}

fn cache_index(rows: Rows, j: u32, d4: u32) -> u32 {
  return (j * params.kv_heads + rows.kv_head) * HEAD_DIM4 + min(d4, HEAD_DIM4 - 1);
}

// Columns d4 .. d4 + STEP4 - 1 of the queries and of keys j .. j + KEYS - 1, of which `end` is the first that is not there.
fn load_scores_step(lane: u32, rows: Rows, first_d4: u32, j: u32, end: u32) {
  // An invocation fills a quad: 4 rows or keys by a vec4f. The column of quads rotates places (^), so that invocations
  // side by side hit different banks.
  let part = lane % STEP4;
  let d4 = first_d4 + part;
  if (lane < STEP4 * ROW_QUADS) {
    let row = lane / STEP4 * 4;
    let quad = transpose(mat4x4f(
      query4(rows, row, d4),
      query4(rows, row + 1, d4),
      query4(rows, row + 2, d4),
      query4(rows, row + 3, d4),
    ));
    let slot = part * 4 * ROW_QUADS + ((lane / STEP4) ^ (part * 2 % ROW_QUADS));
    for (var k = 0u; k < 4; k++) {
      row_tile[slot + k * ROW_QUADS] = quad[k];
    }
  }
  for (var unit = lane; unit < STEP4 * KEY_QUADS; unit += 16 * ROW_QUADS) {
    let key = j + unit / STEP4 * 4;
    let quad = transpose(mat4x4f(
      k_cache[cache_index(rows, min(key, end - 1), d4)],
      k_cache[cache_index(rows, min(key + 1, end - 1), d4)],
      k_cache[cache_index(rows, min(key + 2, end - 1), d4)],
      k_cache[cache_index(rows, min(key + 3, end - 1), d4)],
    ));
    let slot = part * 4 * KEY_QUADS + ((unit / STEP4) ^ (part * 2));
    for (var k = 0u; k < 4; k++) {
      key_tile[slot + k * KEY_QUADS] = quad[k];
    }
  }
}

// Column r: what row r has from four components of a vector of the other tile.
fn outer(sums: mat4x4f, rows4: vec4f, others: vec4f) -> mat4x4f {
  return mat4x4f(
    fma(vec4f(rows4.x), others, sums[0]),
    fma(vec4f(rows4.y), others, sums[1]),
    fma(vec4f(rows4.z), others, sums[2]),
    fma(vec4f(rows4.w), others, sums[3]),
  );
}

fn add_scores_step(scores: mat4x4f, row_quad: u32, key_quad: u32) -> mat4x4f {
  var sums = scores;
  for (var part = 0u; part < STEP4; part++) {
    let row_at = part * 4 * ROW_QUADS + (row_quad ^ (part * 2 % ROW_QUADS));
    let key_at = part * 4 * KEY_QUADS + (key_quad ^ (part * 2));
    sums = outer(sums, row_tile[row_at], key_tile[key_at]);
    sums = outer(sums, row_tile[row_at + ROW_QUADS], key_tile[key_at + KEY_QUADS]);
    sums = outer(sums, row_tile[row_at + 2 * ROW_QUADS], key_tile[key_at + 2 * KEY_QUADS]);
    sums = outer(sums, row_tile[row_at + 3 * ROW_QUADS], key_tile[key_at + 3 * KEY_QUADS]);
  }
  return sums;
}

fn scaled_columns(matrix: mat4x4f, factors: vec4f) -> mat4x4f {
  return mat4x4f(matrix[0] * factors.x, matrix[1] * factors.y, matrix[2] * factors.z, matrix[3] * factors.w);
}

fn largest(value: vec4f) -> f32 {
  return max(max(value.x, value.y), max(value.z, value.w));
}

fn write_row(rows: Rows, row: u32, d4: u32, value: vec4f) {
  if (rows.first + row < rows.count && d4 < HEAD_DIM4) {
    let at = rows.first + row;
    let head = rows.kv_head * rows.sharing + at % rows.sharing;
    y[((at / rows.sharing) * params.heads + head) * HEAD_DIM4 + d4] = value;
  }
}

fn write_rows(rows: Rows, row_quad: u32, d4: u32, output: mat4x4f, total: vec4f) {
  for (var r = 0u; r < 4; r++) {
    write_row(rows, row_quad * 4 + r, d4, output[r] / total[r]);
  }
}

@compute @workgroup_size(16 * ROW_QUADS)
fn attention_prefill(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let sharing = params.heads / params.kv_heads;
  let rows = Rows(workgroup.y, sharing, workgroup.x * 4 * ROW_QUADS, step.tokens * sharing);
  let row_quad = lane / KEY_QUADS;
  let key_quad = lane % KEY_QUADS;
  // The first key that a row does not see: of this invocation's rows, and of the workgroup's last.
  let seen = step.position + 1
    + min(vec4u(rows.first + 4 * row_quad) + vec4u(0, 1, 2, 3), vec4u(rows.count - 1)) / sharing;
  let end = step.position + 1 + min(rows.first + 4 * ROW_QUADS - 1, rows.count - 1) / sharing;

  var highest = vec4f(MASKED);  // of the rows' scores so far
  var total = vec4f();          // this invocation's share of sum_j exp(s_j - highest)
  // Columns: rows; vec4f's key_quad, key_quad + 16, .. of sum_j exp(s_j - highest) v_j.
  var output0 = mat4x4f();
  var output1 = mat4x4f();
  var output2 = mat4x4f();
  var output3 = mat4x4f();
  for (var tile = 0u; tile < end; tile += KEYS) {
    var scores = mat4x4f();  // columns: rows
    for (var d4 = 0u; d4 < HEAD_DIM4; d4 += STEP4) {
      load_scores_step(lane, rows, d4, tile, end);
      workgroupBarrier();
      scores = add_scores_step(scores, row_quad, key_quad);
      workgroupBarrier();
    }
    let key = vec4u(tile + 4 * key_quad) + vec4u(0, 1, 2, 3);
    scores = mat4x4f(
      select(vec4f(MASKED), scores[0], key < vec4u(seen.x)),
      select(vec4f(MASKED), scores[1], key < vec4u(seen.y)),
      select(vec4f(MASKED), scores[2], key < vec4u(seen.z)),
      select(vec4f(MASKED), scores[3], key < vec4u(seen.w)),
    );

    row_tile[lane] = vec4f(largest(scores[0]), largest(scores[1]), largest(scores[2]), largest(scores[3]));
    workgroupBarrier();
    var new_highest = highest;
    for (var other = 0u; other < KEY_QUADS; other++) {
      new_highest = max(new_highest, row_tile[row_quad * KEY_QUADS + other]);
    }
    workgroupBarrier();
    let correction = exp(highest - new_highest);
    highest = new_highest;
    // Every row sees key 0, so that `highest` is a score, and what is masked gets the weight 0.
    let weights = mat4x4f(
      exp(scores[0] - highest.x),
      exp(scores[1] - highest.y),
      exp(scores[2] - highest.z),
      exp(scores[3] - highest.w),
    );
    total = total * correction + vec4f(1.0) * weights;
    output0 = scaled_columns(output0, correction);
    output1 = scaled_columns(output1, correction);
    output2 = scaled_columns(output2, correction);
    output3 = scaled_columns(output3, correction);

    let weights_of_keys = transpose(weights);
    for (var first = 0u; first < KEYS && tile + first < end; first += VALUE_KEYS) {
      let own = 4 * key_quad - first;  // wraps around for keys before the first
      if (own < VALUE_KEYS) {
        for (var k = 0u; k < 4; k++) {
          row_tile[(own + k) * ROW_QUADS + row_quad] = weights_of_keys[k];
        }
      }
      for (var index = lane; index < VALUE_KEYS * HEAD_DIM4; index += 16 * ROW_QUADS) {
        let j = min(tile + first + index / HEAD_DIM4, end - 1);
        key_tile[index] = v_cache[cache_index(rows, j, index % HEAD_DIM4)];
      }
      workgroupBarrier();
      for (var k = 0u; k < VALUE_KEYS; k++) {
        let weight = row_tile[k * ROW_QUADS + row_quad];
        let at = k * HEAD_DIM4 + key_quad;
        // What is behind the head's last vec4f is not written.
        output0 = outer(output0, weight, key_tile[at]);
        if (HEAD_DIM4 > 16) {
          output1 = outer(output1, weight, key_tile[at + 16]);
        }
        if (HEAD_DIM4 > 32) {
          output2 = outer(output2, weight, key_tile[at + 32]);
        }
        if (HEAD_DIM4 > 48) {
          output3 = outer(output3, weight, key_tile[at + 48]);
        }
      }
      workgroupBarrier();
    }
  }

  row_tile[lane] = total;
  workgroupBarrier();
  var sum = vec4f();
  for (var other = 0u; other < KEY_QUADS; other++) {
    sum += row_tile[row_quad * KEY_QUADS + other];
  }
  write_rows(rows, row_quad, key_quad, output0, sum);
  write_rows(rows, row_quad, key_quad + 16, output1, sum);
  write_rows(rows, row_quad, key_quad + 32, output2, sum);
  write_rows(rows, row_quad, key_quad + 48, output3, sum);
}

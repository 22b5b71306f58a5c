// The inner loop of matrix-matrix kernels: a tile of lib/tile.wgsl. The kernel binds `x: array<vec4f>` of rows of
// columns and `weights: array<vec4u>` (rows, columns), and has `x_row(t)` for the row of x that is token t's, some row of
// x also for tokens behind the last, and `write_sums(t, row, sums)` for token t and the four rows from `row` on, or uses
// lib/write_sums.wgsl. `elem` is f32, or f16 on devices that have it, for the tiles alone: products are summed in f32. With
// more than one team it is f32, as the tile of weights takes the sums at the end.
//
// Tried     On an H100, TFLOP/s for 28,672 rows of 4,096 int8, 1,024 tokens; as it is, 36. Products of a step in a loop 30;
//           the next step's share not asked for early 33; written at the start of its step 35; places of a step, not of a
//           row, side by side in the tiles 31; the outermost dimension the invocation 27. Of a kernel without functions,
//           that has 40: 4 or 16 vectors a step 37, 31; 8 by 8 an invocation 39, 4 by 4 38; tiles of 128 by 64 or 64 by 128
//           35; two tiles in turn, with one barrier a step, 26. With matrices between functions that are called twice, 7.
//           Sums in structs of vectors are as fast as in variables.
//           On an H200, short passes of 32 tokens, one team of 16 by 64 in each workgroup: 146 us for 1,536 rows of 4,096 int8
//           and 56 for 8,192 of 1,536, a step being as long as memory takes to answer; eight teams of 16 by 32, 35 and 41. Short
//           passes of up to 128 tokens: granite-h-1b 64 tokens 25.3 to 17.7 ms, but bamba-9b 62 to 76.

// Vectors of four columns, of each team.
var<workgroup> x_tile: array<array<vec4<elem>, X_SLOTS>, TEAMS * LANES_T * LANES_T * LANES_T / X_SLOTS>;
var<workgroup> w_tile: array<array<vec4<elem>, W_SLOTS>, TEAMS * LANES_T * LANES_R * 4 / W_SLOTS>;

// The values that do not change from step to step.
struct Matmul {
  lane: u32,
  team: u32,
  x_first: vec4u,  // of the rows of x that the invocation reads
  w_rows: vec4u,   // that it reads
  rows: u32,
  blocks: u32,     // of a row of weights
  columns4: u32,
}

// The reads of an invocation for a step: vectors of x, and halves of blocks of weights as they are stored.
struct Share {
  x0: vec4f,
  x1: vec4f,     // where LANES_T or LANES_R is 8
  x2: vec4f,     // this and the next where LANES_T is 8
  x3: vec4f,
  w0: vec4u,
  w1: vec4u,     // where BLOCK4 < 4
  w2: vec4u,     // this and the next where BLOCK4 < 2
  w3: vec4u,
  scale: vec2f,  // of w0, where GROUPED, with BLOCK4 = 4
}

fn read_share(m: Matmul, column4: u32) -> Share {
  var share = Share();
  let x_at = m.x_first + min(column4 + share_place(m.lane), m.columns4 - 1);
  share.x0 = x[x_at.x];
  if (LANES_T == 8 || LANES_R == 8) {
    share.x1 = x[x_at.y];
  }
  if (LANES_T == 8) {
    share.x2 = x[x_at.z];
    share.x3 = x[x_at.w];
  }
  let half = column4 / BLOCK4 + share_unit(m.lane, BLOCK4);
  let block = min(half / HALVES, m.blocks - 1);
  let w_at = m.w_rows * m.blocks + block;
  share.w0 = weights[w_at.x];
  if (BLOCK4 < 4) {
    share.w1 = weights[w_at.y];
  }
  if (BLOCK4 < 2) {
    share.w2 = weights[w_at.z];
    share.w3 = weights[w_at.w];
  }
  if (GROUPED) {
    share.scale = block_scale(m.w_rows.x, block, m.rows, m.blocks);
  }
  return share;
}

fn write_x(m: Matmul, token: u32, values: vec4f) {
  let slot = x_slot(m.team, token, share_lane_t(m.lane), share_place(m.lane));
  x_tile[slot.x][slot.y] = vec4<elem>(values);
}

// Four columns of row `row` of an invocation. Behind the last column weights become zeros: x may be anything there.
fn write_four(m: Matmul, column4: u32, row: u32, place: u32, values: vec4f, scale: vec2f) {
  var scaled = values;
  if (GROUPED) {
    scaled = scale.x * values + scale.y;
  }
  let kept = select(vec4f(), scaled, column4 + place < m.columns4);
  let lane_r = share_lane_r(m.lane, BLOCK4);
  let slot = w_slot(m.team, row, lane_r, place);
  w_tile[slot.x][slot.y] = vec4<elem>(kept);
}

// Decodes half a block.
fn write_w(m: Matmul, column4: u32, row: u32, stored: vec4u, scale: vec2f) {
  let place = share_unit(m.lane, BLOCK4) * BLOCK4;
  let half = (column4 + place) / BLOCK4;
  let decoded = decode_half(stored, half % HALVES);
  write_four(m, column4, row, place, decoded[0], scale);
  if (BLOCK4 > 1) {
    write_four(m, column4, row, place + 1, decoded[1], scale);
  }
  if (BLOCK4 > 2) {
    write_four(m, column4, row, place + 2, decoded[2], scale);
    write_four(m, column4, row, place + 3, decoded[3], scale);
  }
}

fn write_share(m: Matmul, column4: u32, share: Share) {
  let token = share_token(m.lane);
  write_x(m, token, share.x0);
  if (LANES_T == 8 || LANES_R == 8) {
    write_x(m, token + 2, share.x1);
  }
  if (LANES_T == 8) {
    write_x(m, token + 4, share.x2);
    write_x(m, token + 6, share.x3);
  }
  let row = share_row(m.lane, BLOCK4);
  write_w(m, column4, row, share.w0, share.scale);
  if (BLOCK4 < 4) {
    write_w(m, column4, row + BLOCK4, share.w1, share.scale);
  }
  if (BLOCK4 < 2) {
    write_w(m, column4, row + 2 * BLOCK4, share.w2, share.scale);
    write_w(m, column4, row + 3 * BLOCK4, share.w3, share.scale);
  }
}

// Sums of an invocation's tokens, each by four rows.
struct Sums {
  t0: vec4f,
  t1: vec4f,
  t2: vec4f,
  t3: vec4f,
  t4: vec4f,  // this and the next where LANES_T is 8
  t5: vec4f,
  t6: vec4f,
  t7: vec4f,
}

fn x_at(team: u32, token: u32, lane_t: u32, place: u32) -> vec4f {
  let slot = x_slot(team, token, lane_t, place);
  return vec4f(x_tile[slot.x][slot.y]);
}

fn w_at(team: u32, row: u32, lane_r: u32, place: u32) -> vec4f {
  let slot = w_slot(team, row, lane_r, place);
  return vec4f(w_tile[slot.x][slot.y]);
}

// Adds four columns of a token by those of four rows.
fn add_token(sums: vec4f, x4: vec4f, a: vec4f, b: vec4f, c: vec4f, d: vec4f) -> vec4f {
  var next = fma(vec4f(x4.x), vec4f(a.x, b.x, c.x, d.x), sums);
  next = fma(vec4f(x4.y), vec4f(a.y, b.y, c.y, d.y), next);
  next = fma(vec4f(x4.z), vec4f(a.z, b.z, c.z, d.z), next);
  return fma(vec4f(x4.w), vec4f(a.w, b.w, c.w, d.w), next);
}

// Adds the products at a place of the step.
fn add_place(team: u32, sums: Sums, place: u32, lane_t: u32, lane_r: u32) -> Sums {
  var next = sums;
  let a = w_at(team, 0, lane_r, place);
  let b = w_at(team, 1, lane_r, place);
  let c = w_at(team, 2, lane_r, place);
  let d = w_at(team, 3, lane_r, place);
  next.t0 = add_token(sums.t0, x_at(team, 0, lane_t, place), a, b, c, d);
  next.t1 = add_token(sums.t1, x_at(team, 1, lane_t, place), a, b, c, d);
  next.t2 = add_token(sums.t2, x_at(team, 2, lane_t, place), a, b, c, d);
  next.t3 = add_token(sums.t3, x_at(team, 3, lane_t, place), a, b, c, d);
  if (LANES_T == 8) {
    next.t4 = add_token(sums.t4, x_at(team, 4, lane_t, place), a, b, c, d);
    next.t5 = add_token(sums.t5, x_at(team, 5, lane_t, place), a, b, c, d);
    next.t6 = add_token(sums.t6, x_at(team, 6, lane_t, place), a, b, c, d);
    next.t7 = add_token(sums.t7, x_at(team, 7, lane_t, place), a, b, c, d);
  }
  return next;
}

// Adds the products of a step.
fn add_step(team: u32, sums: Sums, lane_t: u32, lane_r: u32) -> Sums {
  var next = sums;
  if (!UNROLLED) {
    for (var place = 0u; place < LANES_T; place++) {
      next = add_place(team, next, place, lane_t, lane_r);
    }
    return next;
  }
  next = add_place(team, next, 0, lane_t, lane_r);
  next = add_place(team, next, 1, lane_t, lane_r);
  next = add_place(team, next, 2, lane_t, lane_r);
  next = add_place(team, next, 3, lane_t, lane_r);
  if (LANES_T == 8) {
    next = add_place(team, next, 4, lane_t, lane_r);
    next = add_place(team, next, 5, lane_t, lane_r);
    next = add_place(team, next, 6, lane_t, lane_r);
    next = add_place(team, next, 7, lane_t, lane_r);
  }
  return next;
}

// Where lib/team_sums.wgsl keeps sums: in the tile of weights.
fn put_team_sum(at: u32, sum: vec4f) {
  w_tile[at / W_SLOTS][at % W_SLOTS] = vec4<elem>(sum);
}

fn team_sum_at(at: u32) -> vec4f {
  return vec4f(w_tile[at / W_SLOTS][at % W_SLOTS]);
}

// Computes and writes the tile of a workgroup. Rows and columns behind the last are read as the last; only the columns
// count, and their weights become zero.
fn matmul_tile(invocation: u32, first_t: u32, first_row: u32, rows: u32, blocks: u32, columns4: u32) {
  let team = team_of(invocation);
  let lane = lane_of(invocation);
  let lane_t = lane_tokens(lane);
  let lane_r = lane_rows(lane);
  let tokens = share_tokens(lane, first_t);
  var x_first = vec4u(x_row(tokens.x));
  if (LANES_T == 8 || LANES_R == 8) {
    x_first.y = x_row(tokens.y);
  }
  if (LANES_T == 8) {
    x_first = vec4u(x_first.xy, x_row(tokens.z), x_row(tokens.w));
  }
  let w_rows = share_rows(lane, BLOCK4, first_row, rows);
  let m = Matmul(lane, team, x_first * columns4, w_rows, rows, blocks, columns4);
  let own = team * LANES_T;
  var sums = Sums();
  write_share(m, own, read_share(m, own));
  workgroupBarrier();
  for (var column4 = 0u; column4 < columns4; column4 += TEAMS * LANES_T) {
    // Comes while this step's products are computed. Behind the last step it is read and written in vain.
    let next_column4 = column4 + own + TEAMS * LANES_T;
    let next = read_share(m, next_column4);
    sums = add_step(team, sums, lane_t, lane_r);
    workgroupBarrier();
    write_share(m, next_column4, next);
    workgroupBarrier();
  }
  let t = first_t + 4 * lane_t;
  let row = first_row + 4 * lane_r;
  if (TEAMS > 1) {
    write_team_sums(invocation, t, row, TeamSums(sums.t0, sums.t1, sums.t2, sums.t3));
    return;
  }
  write_sums(t, row, sums.t0);
  write_sums(t + 1, row, sums.t1);
  write_sums(t + 2, row, sums.t2);
  write_sums(t + 3, row, sums.t3);
  if (LANES_T == 8) {
    let high_t = t + 4 * LANES_T;
    write_sums(high_t, row, sums.t4);
    write_sums(high_t + 1, row, sums.t5);
    write_sums(high_t + 2, row, sums.t6);
    write_sums(high_t + 3, row, sums.t7);
  }
}

// The inner loop of matrix-matrix kernels on integers: a tile of lib/tile.wgsl, of weights of a scheme that has a file
// lib/stored. The kernel binds `x: array<vec4u>` (T, x_blocks) and `x_scale: array<f32>` (T, groups) as quantize_rows
// leaves them, and `weights: array<vec4u>` (rows, blocks); `write_sums` is that of lib/matmul.wgsl. Products are summed
// exactly over columns that share all scales: a group of x, or of weights that have smaller ones. Beyond, sums are in f32.
//
// Tried     On an H100, TOP/s for 28,672 rows of 4,096 int8, 1,024 tokens; as it is, 85. Products of a step in a loop 81 (45
//           instead of 75 with int4); the next step's share not asked for early 78; the outermost dimension of the tiles
//           the invocation 80. Of a kernel without functions, that has 94: two tiles of half a step in turn 78; 8 by 8 an
//           invocation 58; tiles of 128 by 64 88, of 64 by 128 86; sums converted instead of begun with a bias 91.

const GROUP_BLOCKS: u32 = 8;  // of 16 columns: as in quantize_rows

// Vectors of a block, 16 columns, of each team.
var<workgroup> x_tile: array<array<vec4u, X_SLOTS>, TEAMS * LANES_T * LANES_T * LANES_T / X_SLOTS>;
var<workgroup> w_tile: array<array<vec4u, W_SLOTS>, TEAMS * LANES_T * LANES_R * 4 / W_SLOTS>;

// The values that do not change from step to step.
struct Matmul {
  lane: u32,
  team: u32,
  x_first: vec4u,  // of the rows of x that the invocation reads
  w_rows: vec4u,   // that it reads
  rows: u32,
  blocks: u32,     // of a row of weights
  x_blocks: u32,
}

// The reads of an invocation for a step.
struct Share {
  x0: vec4u,
  x1: vec4u,     // where LANES_T or LANES_R is 8
  x2: vec4u,     // this and the next where LANES_T is 8
  x3: vec4u,
  w0: vec4u,     // as stored
  w1: vec4u,
  w2: vec4u,     // this and the next where STORED_BLOCKS is 1
  w3: vec4u,
  bits: vec2u,   // of the groups that w0 and w1 are, where GROUPED
}

// The words of scheme int4 for the groups in a step: of four rows, words of two groups.
struct GroupWords {
  first: vec4u,
  second: vec4u,
}

fn read_share(m: Matmul, block: u32) -> Share {
  var share = Share();
  let x_at = m.x_first + min(block + share_place(m.lane), m.x_blocks - 1);
  share.x0 = x[x_at.x];
  if (LANES_T == 8 || LANES_R == 8) {
    share.x1 = x[x_at.y];
  }
  if (LANES_T == 8) {
    share.x2 = x[x_at.z];
    share.x3 = x[x_at.w];
  }
  let stored = min(block / STORED_BLOCKS + share_unit(m.lane, STORED_BLOCKS), m.blocks - 1);
  let w_at = m.w_rows * m.blocks + stored;
  share.w0 = weights[w_at.x];
  share.w1 = weights[w_at.y];
  if (STORED_BLOCKS == 1) {
    share.w2 = weights[w_at.z];
    share.w3 = weights[w_at.w];
  }
  if (GROUPED) {
    share.bits = vec2u(
      group_bits(m.w_rows.x, stored, m.rows, m.blocks),
      group_bits(m.w_rows.y, stored, m.rows, m.blocks),
    );
  }
  return share;
}

fn write_x(m: Matmul, token: u32, values: vec4u) {
  let slot = x_slot(m.team, token, share_lane_t(m.lane), share_place(m.lane));
  x_tile[slot.x][slot.y] = values;
}

// Makes integers of a stored block, of row `row` of an invocation. Blocks behind the last are zeros: x may be anything
// there.
fn write_w(m: Matmul, block: u32, row: u32, stored: vec4u, bits: u32) {
  let lane_r = share_lane_r(m.lane, STORED_BLOCKS);
  for (var i = 0u; i < STORED_BLOCKS; i++) {
    let place = share_unit(m.lane, STORED_BLOCKS) * STORED_BLOCKS + i;
    let integers = stored_integers(stored, i, bits);
    let slot = w_slot(m.team, row, lane_r, place);
    w_tile[slot.x][slot.y] = select(vec4u(), integers, block + place < m.x_blocks);
  }
}

fn write_share(m: Matmul, block: u32, share: Share) {
  let token = share_token(m.lane);
  write_x(m, token, share.x0);
  if (LANES_T == 8 || LANES_R == 8) {
    write_x(m, token + 2, share.x1);
  }
  if (LANES_T == 8) {
    write_x(m, token + 4, share.x2);
    write_x(m, token + 6, share.x3);
  }
  let row = share_row(m.lane, STORED_BLOCKS);
  write_w(m, block, row, share.w0, share.bits.x);
  write_w(m, block, row + STORED_BLOCKS, share.w1, share.bits.y);
  if (STORED_BLOCKS == 1) {
    write_w(m, block, row + 2, share.w2, 0);
    write_w(m, block, row + 3, share.w3, 0);
  }
}

// The sums of a token by four rows: over a group of weights, over a group of x, over all.
struct Sums {
  dots: vec4i,
  of_group: vec4f,
  all: vec4f,
}

// Of an invocation's tokens.
struct TileSums {
  t0: Sums,
  t1: Sums,
  t2: Sums,
  t3: Sums,
  t4: Sums,  // this and the next where LANES_T is 8
  t5: Sums,
  t6: Sums,
  t7: Sums,
}

// A block of each of an invocation's rows, and the scales of the groups that they are, where GROUPED.
struct Rows {
  a: vec4u,
  b: vec4u,
  c: vec4u,
  d: vec4u,
  scales: vec4f,
  ends_group: bool,  // whether the next block is of another group
}

fn dot_rows(x1: u32, w0: u32, w1: u32, w2: u32, w3: u32) -> vec4i {
  return vec4i(dot_bytes(x1, w0), dot_bytes(x1, w1), dot_bytes(x1, w2), dot_bytes(x1, w3));
}

fn x_at(team: u32, token: u32, lane_t: u32, place: u32) -> vec4u {
  let slot = x_slot(team, token, lane_t, place);
  return x_tile[slot.x][slot.y];
}

fn w_at(team: u32, row: u32, lane_r: u32, place: u32) -> vec4u {
  let slot = w_slot(team, row, lane_r, place);
  return w_tile[slot.x][slot.y];
}

// Adds a block of a token by those of four rows.
fn add_token(sums: Sums, x4: vec4u, w: Rows) -> Sums {
  let dots = sums.dots
    + dot_rows(x4.x, w.a.x, w.b.x, w.c.x, w.d.x)
    + dot_rows(x4.y, w.a.y, w.b.y, w.c.y, w.d.y)
    + dot_rows(x4.z, w.a.z, w.b.z, w.c.z, w.d.z)
    + dot_rows(x4.w, w.a.w, w.b.w, w.c.w, w.d.w);
  if (GROUPED && w.ends_group) {
    return Sums(no_dots(), add_group(sums.of_group, dots, w.scales), sums.all);
  }
  return Sums(dots, sums.of_group, sums.all);
}

// Adds the products at a place of the step.
fn add_place(team: u32, sums: TileSums, place: u32, lane_t: u32, lane_r: u32, words: GroupWords) -> TileSums {
  var next = sums;
  let w = Rows(
    w_at(team, 0, lane_r, place),
    w_at(team, 1, lane_r, place),
    w_at(team, 2, lane_r, place),
    w_at(team, 3, lane_r, place),
    group_scales(words, place / STORED_BLOCKS),
    place % STORED_BLOCKS == STORED_BLOCKS - 1,
  );
  next.t0 = add_token(sums.t0, x_at(team, 0, lane_t, place), w);
  next.t1 = add_token(sums.t1, x_at(team, 1, lane_t, place), w);
  next.t2 = add_token(sums.t2, x_at(team, 2, lane_t, place), w);
  next.t3 = add_token(sums.t3, x_at(team, 3, lane_t, place), w);
  if (LANES_T == 8) {
    next.t4 = add_token(sums.t4, x_at(team, 4, lane_t, place), w);
    next.t5 = add_token(sums.t5, x_at(team, 5, lane_t, place), w);
    next.t6 = add_token(sums.t6, x_at(team, 6, lane_t, place), w);
    next.t7 = add_token(sums.t7, x_at(team, 7, lane_t, place), w);
  }
  return next;
}

// Adds the products of a step.
fn add_step(team: u32, sums: TileSums, lane_t: u32, lane_r: u32, words: GroupWords) -> TileSums {
  var next = sums;
  if (!UNROLLED) {
    for (var place = 0u; place < LANES_T; place++) {
      next = add_place(team, next, place, lane_t, lane_r, words);
    }
    return next;
  }
  next = add_place(team, next, 0, lane_t, lane_r, words);
  next = add_place(team, next, 1, lane_t, lane_r, words);
  next = add_place(team, next, 2, lane_t, lane_r, words);
  next = add_place(team, next, 3, lane_t, lane_r, words);
  if (LANES_T == 8) {
    next = add_place(team, next, 4, lane_t, lane_r, words);
    next = add_place(team, next, 5, lane_t, lane_r, words);
    next = add_place(team, next, 6, lane_t, lane_r, words);
    next = add_place(team, next, 7, lane_t, lane_r, words);
  }
  return next;
}

// Scales of an invocation's tokens.
struct Scales {
  low: vec4f,
  high: vec4f,  // where LANES_T is 8
}

// Scale of a token in a group of x.
fn scale_at(t: u32, tokens: u32, groups: u32, group: u32) -> f32 {
  return x_scale[min(t, tokens - 1) * groups + group];
}

fn four_scales_at(t: u32, tokens: u32, groups: u32, group: u32) -> vec4f {
  return vec4f(
    scale_at(t, tokens, groups, group),
    scale_at(t + 1, tokens, groups, group),
    scale_at(t + 2, tokens, groups, group),
    scale_at(t + 3, tokens, groups, group),
  );
}

// Those in the group of x that a block is in.
fn read_scales(m: Matmul, t: u32, tokens: u32, block: u32) -> Scales {
  let groups = (m.x_blocks + GROUP_BLOCKS - 1) / GROUP_BLOCKS;
  let group = min(block / GROUP_BLOCKS, groups - 1);
  var scales = Scales(four_scales_at(t, tokens, groups, group), vec4f());
  if (LANES_T == 8) {
    scales.high = four_scales_at(t + 4 * LANES_T, tokens, groups, group);
  }
  return scales;
}

// At the end of a group of x.
fn end_group(sums: Sums, scale: f32) -> Sums {
  return Sums(no_dots(), vec4f(), fma(vec4f(scale), group_sums(sums.of_group, sums.dots), sums.all));
}

fn end_groups(sums: TileSums, scales: Scales) -> TileSums {
  var next = sums;
  next.t0 = end_group(sums.t0, scales.low.x);
  next.t1 = end_group(sums.t1, scales.low.y);
  next.t2 = end_group(sums.t2, scales.low.z);
  next.t3 = end_group(sums.t3, scales.low.w);
  if (LANES_T == 8) {
    next.t4 = end_group(sums.t4, scales.high.x);
    next.t5 = end_group(sums.t5, scales.high.y);
    next.t6 = end_group(sums.t6, scales.high.z);
    next.t7 = end_group(sums.t7, scales.high.w);
  }
  return next;
}

// Where lib/team_sums.wgsl keeps sums: in the tile of weights.
fn put_team_sum(at: u32, sum: vec4f) {
  w_tile[at / W_SLOTS][at % W_SLOTS] = bitcast<vec4u>(sum);
}

fn team_sum_at(at: u32) -> vec4f {
  return bitcast<vec4f>(w_tile[at / W_SLOTS][at % W_SLOTS]);
}

// Computes and writes the tile of a workgroup. Rows and tokens behind the last are read as the last.
fn matmul_tile(invocation: u32, workgroup: vec3u, tokens: u32, rows: u32, blocks: u32, x_blocks: u32) {
  let team = team_of(invocation);
  let lane = lane_of(invocation);
  let lane_t = lane_tokens(lane);
  let lane_r = lane_rows(lane);
  let first_t = workgroup.y * tile_tokens();
  let first_row = workgroup.x * tile_rows();
  let t = first_t + 4 * lane_t;
  let row = first_row + 4 * lane_r;
  let x_first = min(share_tokens(lane, first_t), vec4u(tokens - 1)) * x_blocks;
  let m = Matmul(lane, team, x_first, share_rows(lane, STORED_BLOCKS, first_row, rows), rows, blocks, x_blocks);
  let sum_rows = min(vec4u(row) + vec4u(0, 1, 2, 3), vec4u(rows - 1));
  let none = Sums(no_dots(), vec4f(), vec4f());
  var sums = TileSums(none, none, none, none, none, none, none, none);
  let own = team * LANES_T;
  write_share(m, own, read_share(m, own));
  workgroupBarrier();
  for (var first = 0u; first < x_blocks; first += TEAMS * LANES_T) {
    let block = first + own;
    let next_block = block + TEAMS * LANES_T;
    // These come while this step's products are computed. Behind the last step the share is read and written in vain.
    let next = read_share(m, next_block);
    let scales = read_scales(m, t, tokens, block);
    sums = add_step(team, sums, lane_t, lane_r, group_words(sum_rows, block / STORED_BLOCKS, rows, blocks));
    if (ends_group(block, x_blocks)) {
      sums = end_groups(sums, scales);
    }
    workgroupBarrier();
    write_share(m, next_block, next);
    workgroupBarrier();
  }
  if (TEAMS > 1) {
    write_team_sums(invocation, t, row, TeamSums(sums.t0.all, sums.t1.all, sums.t2.all, sums.t3.all));
    return;
  }
  write_sums(t, row, sums.t0.all);
  write_sums(t + 1, row, sums.t1.all);
  write_sums(t + 2, row, sums.t2.all);
  write_sums(t + 3, row, sums.t3.all);
  if (LANES_T == 8) {
    let high_t = t + 4 * LANES_T;
    write_sums(high_t, row, sums.t4.all);
    write_sums(high_t + 1, row, sums.t5.all);
    write_sums(high_t + 2, row, sums.t6.all);
    write_sums(high_t + 3, row, sums.t7.all);
  }
}

// Whether the step from `block` on is a team's last of a group of x. With several teams the next step is of another group.
fn ends_group(block: u32, x_blocks: u32) -> bool {
  let end = block + LANES_T;
  return TEAMS > 1 || LANES_T == GROUP_BLOCKS || end % GROUP_BLOCKS == 0 || end >= x_blocks;
}

// The tile that a workgroup of lib/matmul.wgsl or lib/matmul_int8.wgsl computes, LANES_T * LANES_T tokens by 4 * LANES_R
// rows of weights, step by step along the columns: which invocation computes what of it, and which reads what. The kernel
// overrides LANES_T, 8 or 4; LANES_R, 16 or 8; and TEAMS. A team has LANES_T * LANES_R invocations. Each computes LANES_T
// tokens by a quad of rows: a quad of tokens, or two that are 4 * LANES_T apart. A step of a team has LANES_T vectors, of
// four or sixteen columns. The teams of a workgroup take steps in turn, and add up their sums at the end.

fn tile_tokens() -> u32 {
  return LANES_T * LANES_T;
}

fn tile_rows() -> u32 {
  return 4 * LANES_R;
}

fn team_of(invocation: u32) -> u32 {
  if (TEAMS == 1) {
    return 0;
  }
  return invocation / (LANES_T * LANES_R);
}

fn lane_of(invocation: u32) -> u32 {
  if (TEAMS == 1) {
    return invocation;
  }
  return invocation % (LANES_T * LANES_R);
}

// Quad of tokens, and of rows, that an invocation computes. 32 in a subgroup are 4 by 8, and neighbours share one. Together
// they read fewer places than 2 by 16 would.
fn lane_tokens(lane: u32) -> u32 {
  return lane / 64 * 4 + lane / 16 % 2 * 2 + lane % 2;
}

fn lane_rows(lane: u32) -> u32 {
  return lane / 32 % 2 * 8 + lane / 2 % 8;
}

// An invocation reads of x in a step a vector of one token, of two where LANES_R is 8, or of four where LANES_T is 8. These
// are the place of the vectors, and the first of their tokens.
fn share_place(lane: u32) -> u32 {
  return lane % LANES_T;
}

fn share_lane_t(lane: u32) -> u32 {
  return lane / LANES_T % LANES_T;
}

fn share_token(lane: u32) -> u32 {
  return lane / LANES_T / LANES_T;
}

fn share_tokens(lane: u32, first_t: u32) -> vec4u {
  let t = first_t + 4 * share_lane_t(lane) + share_token(lane);
  return vec4u(t) + vec4u(0, 2, 4 * LANES_T, 4 * LANES_T + 2);
}

// Of weights it reads units that make `width` vectors each, one of 4 / width rows, which are `width` apart. These are the
// unit of the step, and the first of its rows.
fn share_unit(lane: u32, width: u32) -> u32 {
  return lane % (LANES_T / width);
}

fn share_lane_r(lane: u32, width: u32) -> u32 {
  return lane / (LANES_T / width) % LANES_R;
}

fn share_row(lane: u32, width: u32) -> u32 {
  return lane / (LANES_T / width) / LANES_R;
}

fn share_rows(lane: u32, width: u32, first_row: u32, rows: u32) -> vec4u {
  let row = first_row + 4 * share_lane_r(lane, width) + share_row(lane, width);
  return min(vec4u(row) + width * vec4u(0, 1, 2, 3), vec4u(rows - 1));
}

// Vectors of the inner dimension of the tiles in workgroup memory. Where the outer index of a vector is constant, one address
// serves all of an invocation's tokens, or rows, at a place of the step.
const X_SLOTS: u32 = 64;
const W_SLOTS: u32 = 128;

// Where in the tiles the vector at a place of the step lies that is of an invocation's token. With 8 places a step these are
// side by side, with 4 the invocations: measured to be fastest. The one rotates by the other (^). So neighbouring
// invocations use different banks, both when they read one place for their products and when they write places of one row.
fn x_slot(team: u32, token: u32, lane_t: u32, place: u32) -> vec2u {
  if (LANES_T == 8) {
    return vec2u(team * 8 + token, lane_t * 8 + (place ^ lane_t) % 8);
  }
  return vec2u(team, place * 16 + token * 4 + (lane_t ^ place) % 4);
}

// Likewise of an invocation's row.
fn w_slot(team: u32, row: u32, lane_r: u32, place: u32) -> vec2u {
  if (LANES_T == 8) {
    return vec2u(team * 4 + row, lane_r * 8 + (place ^ lane_r) % 8);
  }
  let first = place * 4 * LANES_R;
  let inner = first % W_SLOTS + row * LANES_R + (lane_r ^ place) % LANES_R;
  return vec2u(team * (LANES_R / 8) + first / W_SLOTS, inner);
}

// The tile that a workgroup of lib/matmul.wgsl or lib/matmul_int8.wgsl computes, LANES_T * LANES_T tokens by 64 rows of
// weights, step by step along the columns: which invocation computes what of it, and which reads what. The kernel
// overrides LANES_T, 8 or 4; its workgroup has 16 * LANES_T invocations. An invocation computes LANES_T tokens by a quad
// of rows: a quad of tokens, or two that are 4 * LANES_T apart. A step has LANES_T vectors, of four or sixteen columns.
//
const TILE_ROWS: u32 = 64;
const LANES_R: u32 = 16;  // invocations along the rows
const SLOTS: u32 = 64;    // of the inner dimension of the tiles in workgroup memory; the outer one is LANES_T

fn tile_tokens() -> u32 {
  return LANES_T * LANES_T;
}

// Quad of tokens, and of rows, that an invocation computes. 32 in a subgroup are 4 by 8, of which neighbours share one:
// together they read fewer places than 2 by 16 would.
fn lane_tokens(lane: u32) -> u32 {
  return lane / 64 * 4 + lane / 16 % 2 * 2 + lane % 2;
}

fn lane_rows(lane: u32) -> u32 {
  return lane / 32 % 2 * 8 + lane / 2 % 8;
}

// What an invocation reads of x in a step is a vector of one token or, where LANES_T is 8, of four: their place; whose they
// are, and the first of its tokens.
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

// Of weights it reads units that make `width` vectors each, one of 4 / width rows, which are `width` apart: which unit of
// the step; whose they are, and the first of its rows.
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

// Where in the tiles the vector at a place of the step lies that is of an invocation's token. With 8 places a step these are
// side by side, with 4 the invocations: measured to be fastest. The one rotates by the other (^), so that on different banks
// are both what invocations side by side read for their products, of one place, and what they write, places of one row.
fn x_slot(token: u32, lane_t: u32, place: u32) -> vec2u {
  if (LANES_T == 8) {
    return vec2u(token, lane_t * 8 + (place ^ lane_t) % 8);
  }
  return vec2u(place, token * 4 + (lane_t ^ place) % 4);
}

// Likewise of an invocation's row.
fn w_slot(row: u32, lane_r: u32, place: u32) -> vec2u {
  if (LANES_T == 8) {
    return vec2u(row * 2 + lane_r / 8, lane_r % 8 * 8 + (place ^ lane_r) % 8);
  }
  return vec2u(place, row * 16 + (lane_r ^ place) % 16);
}

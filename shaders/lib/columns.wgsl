// The sums of four rows of a matrix by a few columns, and how the teams of a workgroup add them up: lib/matvecs.wgsl and
// lib/matvecs_int8.wgsl have the products. They have NEIGHBOURS, too: so many invocations read neighbouring blocks, the next
// ones those of other rows. So neighbours read the same few lines of a column, which are read more often than all else. A
// team has as many in every NEIGHBOURS * TEAMS. The kernel overrides WG, TEAMS of a workgroup, and COLUMNS: 2, 4, 8 or 16,
// and uses lib/sharers.wgsl.

const ROUND: u32 = 8;  // columns whose sums are added up at a time

var<workgroup> column_shares: array<vec4f, ROUND * WG / SHARERS>;

// Four rows by each column. Those behind COLUMNS stay zero, and are not in the code.
struct Columns {
  c0: vec4f,
  c1: vec4f,
  c2: vec4f,
  c3: vec4f,
  c4: vec4f,
  c5: vec4f,
  c6: vec4f,
  c7: vec4f,
  c8: vec4f,
  c9: vec4f,
  c10: vec4f,
  c11: vec4f,
  c12: vec4f,
  c13: vec4f,
  c14: vec4f,
  c15: vec4f,
}

// The team of an invocation while it multiplies.
fn own_team(lane: u32) -> u32 {
  return lane / NEIGHBOURS % TEAMS;
}

// The first block that an invocation multiplies. The next are WG / TEAMS apart.
fn own_block(lane: u32) -> u32 {
  return lane / (NEIGHBOURS * TEAMS) * NEIGHBOURS + lane % NEIGHBOURS;
}

fn leave_share(lane: u32, place: u32, value: vec4f) {
  let share = shared_sum(value);
  if (lane % SHARERS == 0) {
    column_shares[place * (WG / SHARERS) + lane / SHARERS] = share;
  }
}

// What the invocations of a team left for a column.
fn left_shares(place: u32, team: u32) -> vec4f {
  var sum = vec4f();
  for (var first = NEIGHBOURS * team; first < WG; first += NEIGHBOURS * TEAMS) {
    for (var lane = first; lane < first + NEIGHBOURS; lane += SHARERS) {
      sum += column_shares[place * (WG / SHARERS) + lane / SHARERS];
    }
  }
  return sum;
}

// Of the first COLUMNS * TEAMS invocations, each gets the sums of column `lane / TEAMS` and team `lane % TEAMS`. Every
// invocation of the workgroup must call.
fn column_sum(sums: Columns, lane: u32) -> vec4f {
  leave_share(lane, 0, sums.c0);
  leave_share(lane, 1, sums.c1);
  if (COLUMNS > 2) {
    leave_share(lane, 2, sums.c2);
    leave_share(lane, 3, sums.c3);
  }
  if (COLUMNS > 4) {
    leave_share(lane, 4, sums.c4);
    leave_share(lane, 5, sums.c5);
    leave_share(lane, 6, sums.c6);
    leave_share(lane, 7, sums.c7);
  }
  workgroupBarrier();
  let column = lane / TEAMS;
  var sum = vec4f();
  if (column < min(COLUMNS, ROUND)) {
    sum = left_shares(column, lane % TEAMS);
  }
  if (COLUMNS > ROUND) {
    workgroupBarrier();
    leave_share(lane, 0, sums.c8);
    leave_share(lane, 1, sums.c9);
    leave_share(lane, 2, sums.c10);
    leave_share(lane, 3, sums.c11);
    leave_share(lane, 4, sums.c12);
    leave_share(lane, 5, sums.c13);
    leave_share(lane, 6, sums.c14);
    leave_share(lane, 7, sums.c15);
    workgroupBarrier();
    if (column >= ROUND && column < COLUMNS) {
      sum = left_shares(column - ROUND, lane % TEAMS);
    }
  }
  return sum;
}

// How the teams of a workgroup of lib/tile.wgsl add up their sums, each of its own columns. The kernel has `put_team_sum(at,
// sum)` and `team_sum_at(at)`, memory for the sums of a quad of tokens of every invocation, and `write_sums(t, row, sums)`.

// Of a quad of tokens, each by four rows.
struct TeamSums {
  t0: vec4f,
  t1: vec4f,
  t2: vec4f,
  t3: vec4f,
}

// Writes what all teams summed for the tokens from t on and the rows from `row` on: each team takes other tokens. No
// invocation may use the memory for anything else when this is called.
fn write_team_sums(invocation: u32, t: u32, row: u32, sums: TeamSums) {
  let invocations = TEAMS * LANES_T * LANES_R;
  put_team_sum(invocation, sums.t0);
  put_team_sum(invocations + invocation, sums.t1);
  put_team_sum(2 * invocations + invocation, sums.t2);
  put_team_sum(3 * invocations + invocation, sums.t3);
  workgroupBarrier();
  for (var token = team_of(invocation); token < 4; token += TEAMS) {
    var sum = vec4f();
    for (var team = 0u; team < TEAMS; team++) {
      sum += team_sum_at(token * invocations + team * (LANES_T * LANES_R) + lane_of(invocation));
    }
    write_sums(t + token, row, sum);
  }
}

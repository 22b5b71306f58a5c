// uses: lib/grid.wgsl, lib/math.wgsl, lib/reduce.wgsl, lib/weight.wgsl, lib/matvec.wgsl, lib/norm_factor.wgsl, lib/normed.wgsl, lib/route.wgsl
// moe_route_normed_matvec_swiglu: the TOP_K experts e of the largest scores of logits, with their weights s;
//   n = h / sqrt(sum(squares) / C + eps);  y[place, f] = s * silu(W[e, 2f, :] . n) * (W[e, 2f+1, :] . n)
//   or, of experts without a gate, y[place, f] = s * max(W[e, f, :] . n, 0)^2
//
// Shapes    logits: (EXPERTS) f32;  bias: (EXPERTS), read where BIASED says so;  h: (C) f32, the input times the norm's
//           weight;  squares: (4*squares4) f32, partial sums of the input's squares;  weights: rows first_row .. first_row +
//           rows of (EXPERTS * expert_rows, C), gate and up rows of each expert in turn, any scheme;  experts: (TOP_K) u32,
//           by descending score;  y: (TOP_K, expert_rows / 2) f32, or (TOP_K, expert_rows) without gates. rows, first_row
//           and expert_rows are multiples of 4.
// Mapping   one workgroup four rows of a chosen expert's weights, two of y, or four; each chooses by itself, which takes less time
//           than a dispatch. Rows outside of what is bound are left to the dispatch of another part of the weights.
// Constants WG   invocations a workgroup, a power of two.
//           GATED   1 where gate and up rows are in turn, 0 where there are no gates.
//           EXPERTS, TOP_K   experts, and how many of them a token goes to.
//           SCORES, BIASED, NORMALIZED, SUM_EPS, SCALE, GROUPS, KEPT_GROUPS   how it chooses, see lib/route.wgsl.
// Source    transformers' GraniteMoeTopKGating; Shazeer 2020, SwiGLU; reference: moe.ts, rms_norm.ts in src/reference.

override WG: u32 = 64;
override GATED: u32 = 1;
override EXPERTS: u32 = 64;
override TOP_K: u32 = 6;
override SCORES: u32 = 0;
override BIASED: u32 = 0;
override NORMALIZED: u32 = 0;
override SUM_EPS: f32 = 0.0;
override SCALE: f32 = 1.0;
override GROUPS: u32 = 1;
override KEPT_GROUPS: u32 = 1;

struct Params {
  rows: u32,         // of weights
  first_row: u32,
  blocks: u32,       // 16-byte blocks of a row
  columns4: u32,     // C / 4
  expert_rows: u32,  // 2 * F, or F without gates
  squares4: u32,
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;           // (EXPERTS)
@group(0) @binding(2) var<storage, read> bias: array<f32>;             // (EXPERTS)
@group(0) @binding(3) var<storage, read> h: array<vec4f>;              // (C)
@group(0) @binding(4) var<storage, read> squares: array<vec4f>;        // (4 * squares4)
@group(0) @binding(5) var<storage, read> weights: array<vec4u>;        // (rows, C)
@group(0) @binding(6) var<storage, read_write> experts: array<u32>;    // (TOP_K)
@group(0) @binding(7) var<storage, read_write> y: array<f32>;          // (TOP_K, expert_rows / 2)

fn input4(index: u32) -> vec4f {
  return select(vec4f(), h[index], index < params.columns4);
}

@compute @workgroup_size(WG)
fn moe_route_normed_matvec_swiglu(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let index = folded_group(group);
  let place = index / (params.expert_rows / 4);
  if (place >= TOP_K) {
    return;
  }
  let first = index % (params.expert_rows / 4) * 4;  // of the expert's rows
  route(0, invocation.lane);
  if (index == 0) {
    for (var each = invocation.lane; each < TOP_K; each += WG) {
      experts[each] = chosen_experts[each];
    }
  }
  // Of the rows that are bound; below the first it wraps to a large number.
  let row = workgroupUniformLoad(&chosen_experts[place]) * params.expert_rows + first - params.first_row;
  if (row >= params.rows) {
    return;
  }
  let dots = matvec_rows(row, params.rows, params.blocks, invocation.lane);
  let share = squares_share(invocation.lane, WG, params.squares4);
  let sums = workgroup_sum(Sums(dots, share), invocation);
  let norm = norm_factor(sums.one, params.columns4, params.eps);
  if (GATED == 0) {
    if (invocation.lane < 4) {
      let scale = row_scale(row + invocation.lane, params.rows, params.blocks);
      let positive = max(norm * sums.four[invocation.lane] * scale, 0.0);
      y[place * params.expert_rows + first + invocation.lane] = chosen_shares[place] * positive * positive;
    }
    return;
  }
  let pair = invocation.lane * 2;
  if (pair < 4) {
    let gate = norm * sums.four[pair] * row_scale(row + pair, params.rows, params.blocks);
    let up = norm * sums.four[pair + 1] * row_scale(row + pair + 1, params.rows, params.blocks);
    y[(place * params.expert_rows + first + pair) / 2] = chosen_shares[place] * up * silu(gate);
  }
}

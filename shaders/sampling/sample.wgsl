// uses: lib/step.wgsl, lib/sampling.wgsl, lib/sort_key.wgsl, lib/wide.wgsl, lib/scan.wgsl, lib/pcg.wgsl
// sample: the next token, and all that depends on it. With temperature T and the largest logit m, a token v weighs
//   w[v] = exp((s[v] - m) / T). Kept are those with s at least the k-th largest (top_k), of these the fewest likeliest
//   whose weights reach top_p of their sum (of equal ones the lowest tokens), of these those with w >= min_p.
//   Chosen is the first token at which the sum of kept weights exceeds u * (their total), u = random(seed, emitted).
//
// Shapes    logits: (V) f32 as bits, V at most 1024 * WG;  partials: (ceil(V / 1024)) (key, token), by logits_process;
//           counts: (V), incremented;  ids: [0] becomes the token;  output: emitted, state (0 going on, 1 ended,
//           2 no logit is a number), then a ring of RING tokens, number n at n % RING.
// Mapping   one workgroup. Thresholds are found digit by digit, 8 bits of the logits' sort keys a round, in histograms whose
//           bins are the invocations. The draw narrows a range of tokens WG-fold a round. Weights are integers in units of
//           2^-45: their sums are exact, in whatever order atomics add them.
// Constants none: bins, invocations and WG are one number.
// Source    Fan et al. 2018 (top-k), Holtzman et al. 2020 (top-p), Nguyen et al. 2024 (min-p); O'Neill 2014 (PCG);
//           reference: src/reference/sample.ts.

const WG = 256u;
const RING = 64u;

struct Params {
  vocabulary: u32,  // V
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> settings: Sampling;
@group(0) @binding(2) var<storage, read> logits: array<u32>;              // (V)
@group(0) @binding(3) var<storage, read> partials: array<vec2u>;          // (ceil(V / 1024))
@group(0) @binding(4) var<storage, read_write> counts: array<u32>;        // (V)
@group(0) @binding(5) var<storage, read_write> ids: array<u32>;           // (1 or more)
@group(0) @binding(6) var<storage, read_write> output: array<u32>;        // (2 + RING)
@group(0) @binding(7) var<storage, read_write> step: Step;

struct Threshold {
  key: u32,
  above: vec2u,  // measure of all larger keys
  goal: vec2u,   // measure that is reached with some or all tokens of this key
}

struct Range {
  begin: u32,
  end: u32,
  ties: u32,      // tokens at the threshold before `begin`
  before: vec2u,  // kept weight before `begin`
}

var<workgroup> ended: u32;
var<workgroup> best_key: atomic<u32>;
var<workgroup> best_inverse: atomic<u32>;
var<workgroup> best: vec2u;  // key, token
var<workgroup> bins_low: array<atomic<u32>, WG>;
var<workgroup> bins_high: array<atomic<u32>, WG>;
var<workgroup> floor_key: atomic<u32>;
var<workgroup> digit: u32;
var<workgroup> digit_above: vec2u;
var<workgroup> narrowed: Range;

var<private> largest: f32;  // m

// ln w[v].
fn log_weight(key: u32) -> f32 {
  // Of halves: the distance of two floats may overflow.
  return max(0.5 * sort_key_value(key) - 0.5 * largest, -1e30) / (0.5 * settings.temperature);
}

// w[v] in units of 2^-45: 262,144 of them stay below 2^64.
fn weight(key: u32) -> vec2u {
  return wide_fixed(min(exp(max(log_weight(key), -80)), 1));
}

// The largest logit of all, and the lowest token that has it.
fn merge_partials(lane: u32) -> vec2u {
  var mine = vec2u(0, 0);
  if (lane < (params.vocabulary + 1023) / 1024) {
    mine = partials[lane];
  }
  atomicMax(&best_key, mine.x);
  workgroupBarrier();
  if (mine.x == atomicLoad(&best_key)) {
    atomicMax(&best_inverse, ~mine.y);  // the lowest token has the largest complement
  }
  workgroupBarrier();
  if (lane == 0) {
    best = vec2u(atomicLoad(&best_key), ~atomicLoad(&best_inverse));
  }
  return workgroupUniformLoad(&best);
}

// A key that the k-th largest is not below: the k-th largest of the partials. It spares most tokens the histograms.
fn top_k_floor(lane: u32) -> u32 {
  let groups = (params.vocabulary + 1023) / 1024;
  if (lane < groups) {
    let own = partials[lane].x;
    var as_large = 0u;
    for (var group = 0u; group < groups; group++) {
      as_large += select(0u, 1u, partials[group].x >= own);
    }
    if (as_large >= settings.top_k) {
      atomicMax(&floor_key, own);
    }
  }
  workgroupBarrier();
  return atomicLoad(&floor_key);
}

// The largest key t for which the keys >= t measure at least a goal together. The measure of a token is 1 and the goal
// top_k, or with `weighted` its weight and the goal the fraction top_p of their sum. Keys below `lowest` do not count.
fn threshold(lowest: u32, weighted: bool, lane: u32) -> Threshold {
  var found = Threshold(0, vec2u(0, 0), vec2u(settings.top_k, 0));
  for (var shift = 24i; shift >= 0; shift -= 8) {
    atomicStore(&bins_low[lane], 0);
    atomicStore(&bins_high[lane], 0);
    if (lane == 0) {
      digit = WG;
    }
    workgroupBarrier();
    for (var token = lane; token < params.vocabulary; token += WG) {
      let key = sort_key(logits[token]);
      // Shifted in two steps: shifting by 32 is shifting by 0.
      if (key >= lowest && ((key ^ found.key) >> u32(shift)) >> 8 == 0) {
        var measure = vec2u(1, 0);
        if (weighted) {
          measure = weight(key);
        }
        let bin = 255 - ((key >> u32(shift)) & 255);
        let low = atomicAdd(&bins_low[bin], measure.x);
        let high = measure.y + select(0u, 1u, low + measure.x < low);
        if (high != 0) {
          atomicAdd(&bins_high[bin], high);
        }
      }
    }
    workgroupBarrier();
    let measure = vec2u(atomicLoad(&bins_low[lane]), atomicLoad(&bins_high[lane]));
    let upto = wide_add(found.above, workgroup_scan(measure, lane));
    if (weighted && shift == 24) {
      found.goal = wide_scale(scan_total(), settings.top_p);
      found.goal.x |= select(0u, 1u, found.goal.y == 0);  // at least the likeliest
    }
    let above = wide_subtract(upto, measure);
    if (wide_less(above, found.goal) && !wide_less(upto, found.goal)) {
      digit = lane;
      digit_above = above;
    }
    let bin = workgroupUniformLoad(&digit);
    if (bin == WG) {
      return Threshold(lowest, vec2u(0, 0), found.goal);  // fewer than top_k tokens have a logit
    }
    found.key |= (255 - bin) << u32(shift);
    found.above = workgroupUniformLoad(&digit_above);
  }
  return found;
}

// Walks the kept tokens in their order. Kept are keys above `edge`, and the first `ties` tokens that are at it.
fn draw(edge: u32, ties: u32, lane: u32) -> u32 {
  var edge_weight = vec2u(0, 0);
  if (edge != 0 && log_weight(edge) >= settings.log_min_p) {
    edge_weight = weight(edge);
  }
  let random = random_word(settings.seed, step.emitted);
  var goal = vec2u(0, 0);
  var range = Range(0, params.vocabulary, 0, vec2u(0, 0));
  for (var round = 0u; round < 3; round++) {
    let length = (range.end - range.begin + WG - 1) / WG;
    let begin = min(range.begin + lane * length, range.end);
    let end = min(begin + length, range.end);
    var kept = vec2u(0, 0);
    var at_edge = 0u;
    for (var token = begin; token < end; token++) {
      let key = sort_key(logits[token]);
      if (key > edge && log_weight(key) >= settings.log_min_p) {
        kept = wide_add(kept, weight(key));
      }
      at_edge += select(0u, 1u, key == edge);
    }
    let ties_before = range.ties + workgroup_scan(vec2u(at_edge, 0), lane).x - at_edge;
    kept = wide_add(kept, wide_times(edge_weight, min(at_edge, max(ties, ties_before) - ties_before)));
    let upto = wide_add(range.before, workgroup_scan(kept, lane));
    if (round == 0) {
      goal = wide_scale(scan_total(), random);
    }
    let before = wide_subtract(upto, kept);
    if (!wide_less(goal, before) && wide_less(goal, upto)) {
      narrowed = Range(begin, end, ties_before, before);
    }
    range = workgroupUniformLoad(&narrowed);
  }
  return range.begin;
}

// The token drawn from what the three filters keep.
fn filtered_draw(lane: u32) -> u32 {
  var edge = 0u;
  var ties = params.vocabulary;
  if (settings.top_k != 0) {
    edge = threshold(max(top_k_floor(lane), 1), false, lane).key;
  }
  if (settings.top_p != 0) {
    let nucleus = threshold(max(edge, 1), true, lane);
    edge = nucleus.key;
    ties = wide_times_needed(weight(edge), wide_subtract(nucleus.goal, nucleus.above), params.vocabulary);
  }
  return draw(edge, ties, lane);
}

// Hands the token on, and ends the answer at a stop id or at the limit.
fn emit(token: u32) {
  ids[0] = token;
  counts[token]++;
  output[2 + step.emitted % RING] = token;
  step.position += step.tokens;
  step.tokens = 1;
  step.emitted++;
  output[0] = step.emitted;
  var stops = step.emitted >= settings.limit;
  for (var stop = 0u; stop < settings.stop_count; stop++) {
    stops |= settings.stop_ids[stop] == token;
  }
  step.halted = select(0u, 1u, stops);
  output[1] = step.halted;
}

@compute @workgroup_size(WG)
fn sample(@builtin(local_invocation_index) lane: u32) {
  if (lane == 0) {
    ended = step.halted;
    atomicStore(&best_key, 0);
    atomicStore(&best_inverse, 0);
    atomicStore(&floor_key, 0);
  }
  if (workgroupUniformLoad(&ended) != 0) {
    return;
  }
  let likeliest = merge_partials(lane);
  var token = likeliest.y;
  if (likeliest.x != 0 && settings.temperature > 0) {
    largest = sort_key_value(likeliest.x);
    token = filtered_draw(lane);
  }
  if (lane == 0) {
    if (likeliest.x == 0) {
      step.halted = 1;
      output[1] = 2;
    } else {
      emit(token);
    }
  }
}

// How a token of a mixture of experts chooses: the TOP_K experts of the largest scores, and what their outputs are weighted
// by. The kernel uses lib/math.wgsl, binds `logits: array<f32>` and `bias: array<f32>`, and overrides WG, EXPERTS, TOP_K and
//   SCORES       0 logits, and the weights are their softmax over the chosen; 1 softmax over all; 2 sigmoids
//   BIASED       whether `bias` is added to the scores for the choice, and for it alone
//   GROUPS, KEPT_GROUPS  of so many groups of experts in a row only so many can be chosen from: those whose two best are most
//   NORMALIZED   whether the weights are divided by their sum and SUM_EPS;   SCALE  multiplies them. Both but for SCORES 0.
// Every invocation must call.

var<workgroup> route_scores: array<f32, EXPERTS>;
var<workgroup> route_choices: array<f32, EXPERTS>;  // scores with their bias
var<workgroup> route_groups: array<f32, GROUPS>;
var<workgroup> chosen_experts: array<u32, TOP_K>;   // by descending choice
var<workgroup> chosen_shares: array<f32, TOP_K>;

const NOT_CHOSEN: f32 = -3.4e38;

// The sum of a group's two best choices.
fn group_score(group: u32) -> f32 {
  var best = vec2f(NOT_CHOSEN);
  for (var expert = group * (EXPERTS / GROUPS); expert < (group + 1) * (EXPERTS / GROUPS); expert++) {
    let choice = route_choices[expert];
    best = select(vec2f(best.x, max(best.y, choice)), vec2f(choice, best.x), choice > best.x);
  }
  // A group of one has no second.
  return best.x + select(0.0, best.y, EXPERTS / GROUPS > 1);
}

// Leaves the experts of all but the best groups out.
fn keep_groups(lane: u32) {
  for (var group = lane; group < GROUPS; group += WG) {
    route_groups[group] = group_score(group);
  }
  workgroupBarrier();
  for (var expert = lane; expert < EXPERTS; expert += WG) {
    let group = expert / (EXPERTS / GROUPS);
    var place = 0u;
    for (var other = 0u; other < GROUPS; other++) {
      let value = route_groups[other];
      place += select(0u, 1u, value > route_groups[group] || (value == route_groups[group] && other < group));
    }
    route_choices[expert] = select(NOT_CHOSEN, route_choices[expert], place < KEPT_GROUPS);
  }
  workgroupBarrier();
}

// Chooses by the logits first .. first + EXPERTS - 1. An expert's place is the number of those before it; of equal
// choices the expert of the lower number is before.
fn route(first: u32, lane: u32) {
  for (var expert = lane; expert < EXPERTS; expert += WG) {
    var score = logits[first + expert];
    if (SCORES == 2) {
      score = sigmoid(score);
    }
    route_scores[expert] = score;
    if (BIASED != 0) {
      score += bias[expert];
    }
    route_choices[expert] = score;
  }
  workgroupBarrier();
  if (GROUPS > 1) {
    keep_groups(lane);
  }
  for (var expert = lane; expert < EXPERTS; expert += WG) {
    let own = route_choices[expert];
    var place = 0u;
    for (var other = 0u; other < EXPERTS; other++) {
      let value = route_choices[other];
      place += select(0u, 1u, value > own || (value == own && other < expert));
    }
    if (place < TOP_K) {
      chosen_experts[place] = expert;
    }
  }
  workgroupBarrier();
  for (var place = lane; place < TOP_K; place += WG) {
    chosen_shares[place] = share_of(route_scores[chosen_experts[place]]);
  }
  workgroupBarrier();
}

// The weight of a chosen expert with this score.
fn share_of(score: f32) -> f32 {
  if (SCORES == 2) {
    var total = 1.0;
    if (NORMALIZED != 0) {
      total = SUM_EPS;
      for (var other = 0u; other < TOP_K; other++) {
        total += route_scores[chosen_experts[other]];
      }
    }
    return SCALE * score / total;
  }
  // Without a bias the first of the chosen has the highest score of all.
  let highest = route_scores[chosen_experts[0]];
  var total = 0.0;
  if (SCORES == 1) {
    for (var expert = 0u; expert < EXPERTS; expert++) {
      total += exp(route_scores[expert] - highest);
    }
    return SCALE * exp(score - highest) / total;
  }
  for (var other = 0u; other < TOP_K; other++) {
    total += exp(route_scores[chosen_experts[other]] - highest);
  }
  return exp(score - highest) / total;
}

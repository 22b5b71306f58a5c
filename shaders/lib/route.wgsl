// How a token of a mixture of experts chooses: the TOP_K experts of the largest logits, weighted by softmax over these.
// The kernel binds `logits: array<f32>` and overrides WG, EXPERTS and TOP_K. Every invocation must call.

var<workgroup> route_logits: array<f32, EXPERTS>;
var<workgroup> chosen_experts: array<u32, TOP_K>;  // by descending logit
var<workgroup> chosen_shares: array<f32, TOP_K>;

// Chooses by the logits first .. first + EXPERTS - 1. An expert's place is the number of those before it; of equal
// logits the expert of the lower number is before.
fn route(first: u32, lane: u32) {
  for (var expert = lane; expert < EXPERTS; expert += WG) {
    route_logits[expert] = logits[first + expert];
  }
  workgroupBarrier();
  for (var expert = lane; expert < EXPERTS; expert += WG) {
    let own = route_logits[expert];
    var place = 0u;
    for (var other = 0u; other < EXPERTS; other++) {
      let value = route_logits[other];
      place += select(0u, 1u, value > own || (value == own && other < expert));
    }
    if (place < TOP_K) {
      chosen_experts[place] = expert;
    }
  }
  workgroupBarrier();
  for (var place = lane; place < TOP_K; place += WG) {
    let highest = route_logits[chosen_experts[0]];
    var total = 0.0;
    for (var other = 0u; other < TOP_K; other++) {
      total += exp(route_logits[chosen_experts[other]] - highest);
    }
    chosen_shares[place] = exp(route_logits[chosen_experts[place]] - highest) / total;
  }
  workgroupBarrier();
}

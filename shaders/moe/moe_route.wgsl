// uses: lib/route.wgsl
// moe_route: experts[t, :] = the TOP_K experts of the largest logits[t, :];  shares[t, :] = softmax of these logits
//
// Shapes    logits: (T, EXPERTS) f32;  experts: (T, TOP_K) u32, by descending logit;  shares: (T, TOP_K) f32.
// Mapping   one workgroup a token.
// Constants WG   invocations a workgroup.    EXPERTS, TOP_K   experts, and how many of them a token goes to.
// Source    transformers' GraniteMoeTopKGating; reference: moe.ts in src/reference.

override WG: u32 = 64;
override EXPERTS: u32 = 64;
override TOP_K: u32 = 6;

@group(0) @binding(1) var<storage, read> logits: array<f32>;           // (T, EXPERTS)
@group(0) @binding(2) var<storage, read_write> experts: array<u32>;    // (T, TOP_K)
@group(0) @binding(3) var<storage, read_write> shares: array<f32>;     // (T, TOP_K)

@compute @workgroup_size(WG)
fn moe_route(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  route(group.x * EXPERTS, lane);
  for (var place = lane; place < TOP_K; place += WG) {
    experts[group.x * TOP_K + place] = chosen_experts[place];
    shares[group.x * TOP_K + place] = chosen_shares[place];
  }
}

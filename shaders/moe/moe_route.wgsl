// uses: lib/math.wgsl, lib/route.wgsl
// moe_route: experts[t, :] = the TOP_K experts of the largest scores of logits[t, :];  shares[t, :] = their weights
//
// Shapes    logits: (T, stride) f32, EXPERTS of a row count;  bias: (EXPERTS), read where BIASED says so;
//           experts: (T, TOP_K) u32, by descending score;  shares: (T, TOP_K) f32.
// Mapping   one workgroup a token.
// Constants WG   invocations a workgroup.    EXPERTS, TOP_K   experts, and how many of them a token goes to.
//           SCORES, BIASED, NORMALIZED, SUM_EPS, SCALE, GROUPS, KEPT_GROUPS   how it chooses, see lib/route.wgsl.
// Source    transformers' GraniteMoeTopKGating, JambaSparseMoeBlock, Lfm2MoeSparseMoeBlock and NemotronHTopkRouter;
//           reference: moe.ts in src/reference.

override WG: u32 = 64;
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
  stride: u32,  // of logits
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;           // (T, stride)
@group(0) @binding(2) var<storage, read> bias: array<f32>;             // (EXPERTS)
@group(0) @binding(3) var<storage, read_write> experts: array<u32>;    // (T, TOP_K)
@group(0) @binding(4) var<storage, read_write> shares: array<f32>;     // (T, TOP_K)

@compute @workgroup_size(WG)
fn moe_route(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  route(group.x * params.stride, lane);
  for (var place = lane; place < TOP_K; place += WG) {
    experts[group.x * TOP_K + place] = chosen_experts[place];
    shares[group.x * TOP_K + place] = chosen_shares[place];
  }
}

// uses: lib/step.wgsl
// accept_draft: between the samplers of two positions that one pass went over. Where the token that was sampled is the draft
//   that the next position was fed, its logits are those that the next token is sampled from; else nothing more is sampled in
//   this pass. Behind the last: verified.tokens = positions that were sampled from, and sampling may go on.
//
// Shapes    ids: [0] the token that was sampled;  draft: [0] the token that the next position was fed;  step: of the sampler;
//           verified: of the first position, whose `position` is what step's was before the pass.
// Mapping   one invocation.
// Constants LAST   1 behind the last position.
// Source    Leviathan et al. 2023, section 2.3: for a draft that is certain, sampling and comparing is the rule that keeps the
//           distribution. Reference: acceptDrafts in src/reference/accept_draft.ts.

override LAST: u32 = 0;

const PAUSED: u32 = 2;  // of `halted`: until the end of the pass

@group(0) @binding(1) var<storage, read> ids: array<u32>;              // (1 or more)
@group(0) @binding(2) var<storage, read> draft: array<u32>;            // (1 or more)
@group(0) @binding(3) var<storage, read_write> step: Step;
@group(0) @binding(4) var<storage, read_write> verified: Step;

@compute @workgroup_size(1)
fn accept_draft() {
  if (LAST == 0) {
    if (step.halted == 0 && ids[0] != draft[0]) {
      step.halted = PAUSED;
    }
    return;
  }
  verified.tokens = step.position - verified.position;
  if (step.halted == PAUSED) {
    step.halted = 0;
  }
}

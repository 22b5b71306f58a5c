// The one thing that changes between passes; the sampler advances it on the GPU.
struct Step {
  position: u32,  // tokens that the state holds: position of the first token of this pass
  tokens: u32,    // T, tokens of this pass
  halted: u32,    // 1 after the answer ended: the state must not move any more
  emitted: u32,   // tokens sampled so far in this answer
}

// That of a sequence among those of a dispatch, src/gpu/plan.ts says how many.
struct Slot {
  @size(256) step: Step,
}

// increment: y += 1. Of one workgroup, it takes what a dispatch takes that waits for the one before.

@group(0) @binding(1) var<storage, read_write> y: array<u32>;   // (64)

@compute @workgroup_size(64)
fn increment(@builtin(local_invocation_index) lane: u32) {
  y[lane]++;
}

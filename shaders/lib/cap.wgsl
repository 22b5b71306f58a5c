// Scores that are bounded. The kernel overrides CAP, 0 for none.

// cap * tanh(x / cap); WGSL promises nothing about infinities, and from 15 on tanh is 1.
fn capped4(x: vec4f) -> vec4f {
  if (CAP == 0.0) {
    return x;
  }
  return CAP * tanh(clamp(x / max(CAP, 1e-30), vec4f(-15.0), vec4f(15.0)));
}

// What queries see of the keys before them. The kernel overrides WINDOW, keys that a query sees, 0 for all.

// The first of the keys that are seen, where `ends` is behind the last.
fn seen_from(ends: vec4u) -> vec4u {
  if (WINDOW == 0) {
    return vec4u();
  }
  return max(ends, vec4u(WINDOW)) - WINDOW;
}

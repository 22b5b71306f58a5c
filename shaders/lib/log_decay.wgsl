// Logarithms of decays, sums of dt * a: at most 0. One token may add -1e4 and its neighbours -1e-2. So a sum is kept as an
// integer and a fraction within [-0.5, 0.5], and no digits are lost.

fn split(value: vec2f) -> vec2f {
  let whole = round(value.y);
  return vec2f(value.x + whole, value.y - whole);
}

// exp(l), where l = 0 at most but for rounding.
fn decay(l: vec2f) -> f32 {
  return exp(min(l.x + l.y, 0.0));
}

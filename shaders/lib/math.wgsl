// Scalar functions of the models.

// x / (1 + e^-x). WGSL promises nothing about infinities, so that e^-x must not overflow; from 87 on it is as good as one.
fn silu(x: f32) -> f32 {
  return x / (1.0 + exp(min(-x, 87.0)));
}

fn silu4(x: vec4f) -> vec4f {
  return x / (1.0 + exp(min(-x, vec4f(87.0))));
}

// log(1 + e^x) = max(x, 0) + log(1 + u) with u = e^-|x|, and log(1 + u) = 2 artanh(u / (2 + u)), whose series is cut
// where terms are below 2^-26 of it. With log() the digits of a small u would be lost in 1 + u, and a small dt matters:
// it is multiplied by a large |A|.
fn softplus(x: f32) -> f32 {
  let u = exp(-abs(x));
  let s = u / (2.0 + u);
  let q = s * s;
  let series = 1.0 + q * (1.0 / 3 + q * (1.0 / 5 + q * (1.0 / 7 + q * (1.0 / 9 + q * (1.0 / 11 + q / 13)))));
  return max(x, 0.0) + 2.0 * s * series;
}

// Scalar functions of the models.

// x / (1 + e^-x). WGSL promises nothing about infinities, so that e^-x must not overflow; from 87 on it is as good as one.
fn silu(x: f32) -> f32 {
  return x / (1.0 + exp(min(-x, 87.0)));
}

fn silu4(x: vec4f) -> vec4f {
  return x / (1.0 + exp(min(-x, vec4f(87.0))));
}

// log(1 + e^x). Below -15 the logarithm cancels, and dt near 0 matters: it is multiplied by large |A|.
fn softplus(x: f32) -> f32 {
  let middle = log(1.0 + exp(min(x, 20.0)));
  return select(select(middle, exp(x), x < -15.0), x, x > 20.0);
}

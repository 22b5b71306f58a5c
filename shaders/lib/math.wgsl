// Scalar functions of the models.

// x / (1 + e^-x). WGSL promises nothing about infinities, so that e^-x must not overflow; from 87 on it is as good as one.
fn silu(x: f32) -> f32 {
  return x / (1.0 + exp(min(-x, 87.0)));
}

fn silu4(x: vec4f) -> vec4f {
  return x / (1.0 + exp(min(-x, vec4f(87.0))));
}

// 1 / (1 + e^-x), with the same care.
fn sigmoid(x: f32) -> f32 {
  return 1.0 / (1.0 + exp(min(-x, 87.0)));
}

// log(1 + e^x) = max(x, 0) + log(1 + u) with u = e^-|x|, and log(1 + u) = 2 artanh(u / (2 + u)), whose series is cut where
// terms are below 2^-26 of it. With log() the digits of a small u would be lost in 1 + u. A small dt matters: it is
// multiplied by a large |A|.
fn softplus(x: f32) -> f32 {
  let u = exp(-abs(x));
  let s = u / (2.0 + u);
  let q = s * s;
  let series = 1.0 + q * (1.0 / 3 + q * (1.0 / 5 + q * (1.0 / 7 + q * (1.0 / 9 + q * (1.0 / 11 + q / 13)))));
  return max(x, 0.0) + 2.0 * s * series;
}

// x times the share of a standard normal distribution below x, (1 + erf(w)) / 2 with w = x / sqrt(2). Near zero erf(w) / w
// is a polynomial of w^2 to within 5e-10. On the far side of zero the share is erfc(z) / 2 with z = |w|. With t = 1 / (1 +
// 0.4 z), log(erfc(z) / t) + z^2 is a polynomial of t to within 3e-7. Both are least-squares fits at Chebyshev nodes.
fn gelu(x: f32) -> f32 {
  let w = clamp(x * 0.70710678, -12.0, 12.0);
  let z = abs(w);
  if (z < 0.7) {
    let u = w * w;
    let high = 0.112835541 + u * (-0.0268452354 + u * (0.0051399623 - u * 0.000696413394));
    return x * (0.5 + 0.5 * w * (1.12837923 + u * (-0.376126289 + u * high)));
  }
  let t = 1.0 / (1.0 + 0.4 * z);
  let high = -0.034139158 + t * (0.102242252 + t * (-0.25596711 + t * (-0.102508961 + t * (0.269876048 - t * 0.0946380625))));
  let power = -1.48865586 + t * (1.00003472 + t * (0.418966325 + t * (0.184789524 + t * high)));
  let tail = 0.5 * t * exp(power - z * z);
  return select(x - x * tail, x * tail, x < 0.0);
}

// Functions between the matrices of an MLP. The kernel uses lib/math.wgsl.

const SILU: u32 = 0;
const GELU: u32 = 1;
const GELU_TANH: u32 = 2;
const RELU2: u32 = 3;

// x / 2 * (1 + tanh(z)) = x / (1 + e^-2z). WGSL promises nothing about infinities, so that the power must not overflow.
fn gelu_tanh(x: f32) -> f32 {
  let near = clamp(x, -12.0, 12.0);
  let z = 0.7978845608 * (near + 0.044715 * near * near * near);
  return x / (1.0 + exp(min(-2.0 * z, 87.0)));
}

// Which one is known when the shader is compiled: the others are not in the code.
fn activation(which: u32, x: f32) -> f32 {
  if (which == GELU) {
    return gelu(x);
  }
  if (which == GELU_TANH) {
    return gelu_tanh(x);
  }
  if (which == RELU2) {
    let positive = max(x, 0.0);
    return positive * positive;
  }
  return silu(x);
}

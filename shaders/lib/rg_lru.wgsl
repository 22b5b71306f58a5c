// What a real-gated linear recurrent unit makes of its gates. The kernel uses lib/math.wgsl.

// 1 - e^x for x <= 0: near zero by a series, whose terms from the eighth on are below 2^-26 of it.
fn one_minus_exp(x: f32) -> f32 {
  let series = -x * (1.0 + x / 2 * (1.0 + x / 3 * (1.0 + x / 4 * (1.0 + x / 5 * (1.0 + x / 6 * (1.0 + x / 7))))));
  return select(1.0 - exp(x), series, x > -0.5);
}

// A channel's decay, and what its input x adds to the state: of the gates' sums before the sigmoid and the parameter of
// decays. A sequence's first token adds its input as it is to nothing.
fn decay_and_input(input_gate: f32, recurrence_gate: f32, parameter: f32, x: f32, position: u32) -> vec2f {
  let log_decay = -8.0 * sigmoid(recurrence_gate) * softplus(parameter);
  let input = sigmoid(input_gate) * x;
  let later = vec2f(exp(log_decay), sqrt(one_minus_exp(2.0 * log_decay)) * input);
  return select(later, vec2f(0.0, input), position == 0);
}

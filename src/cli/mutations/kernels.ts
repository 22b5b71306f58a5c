import type { Mutation } from './mutation.ts';

const STATE_UPDATE = 'shaders/conv1d_selective_state_update_gate_prenorm.wgsl';
const STATE_UPDATE_TEST = 'src/kernels/conv1d_selective_state_update_gate_prenorm.gpu.test.ts';
const SAMPLE = { file: 'shaders/sample.wgsl', test: 'src/kernels/sample.gpu.test.ts' };
const LOGITS = { file: 'shaders/logits_process.wgsl', test: 'src/kernels/logits_process.gpu.test.ts' };

/** Faults in shaders. */
export const KERNEL_MUTATIONS: readonly Mutation[] = [
  {
    name: 'the skip D x of one token is 5 % too large',
    file: STATE_UPDATE,
    find: 'vec4f(skip * x_tile[lane], 0.0, 0.0, 0.0)',
    replace: 'vec4f(1.05 * skip * x_tile[lane], 0.0, 0.0, 0.0)',
    test: STATE_UPDATE_TEST,
  },
  {
    name: 'one row of four forgets to decay',
    file: STATE_UPDATE,
    find: 'decay * state[2] + x_tile[row0 + 2 * stride] * b4',
    replace: 'state[2] + x_tile[row0 + 2 * stride] * b4',
    test: STATE_UPDATE_TEST,
  },
  {
    name: 'the ring of columns is kept one place too far',
    file: STATE_UPDATE,
    find: 'conv_state[(step.position % 4) * channels + channel] = raw;',
    replace: 'conv_state[((step.position + 1) % 4) * channels + channel] = raw;',
    test: STATE_UPDATE_TEST,
  },
  {
    name: 'a halted step moves the state',
    file: STATE_UPDATE,
    find: 'if (step.halted != 0) {',
    replace: 'if (step.halted == 7) {',
    test: STATE_UPDATE_TEST,
  },
  {
    name: 'the step is not clamped from below in prompts',
    file: 'shaders/ssd_chunk_cumsum.wgsl',
    find: 'dt_bias[head]), params.dt_lo, params.dt_hi);',
    replace: 'dt_bias[head]), 0.0, params.dt_hi);',
    test: 'src/kernels/ssd_chunk_cumsum.gpu.test.ts',
  },
  {
    name: 'a token of the chunk does not see itself',
    file: 'shaders/ssd_chunk_scan.wgsl',
    find: '(span.s <= vec4u(t))',
    replace: '(span.s < vec4u(t))',
    test: 'src/kernels/ssd_chunk_scan.gpu.test.ts',
  },
  {
    name: 'the last token of a state is counted twice',
    file: 'shaders/ssd_state_passing.wgsl',
    find: 'let t = min(first + index / (2 * LANES_P), step.tokens - 1);',
    replace: 'let t = min(first + index / (2 * LANES_P) + 1, step.tokens - 1);',
    test: 'src/kernels/ssd_state_passing.gpu.test.ts',
  },
  {
    name: 'the convolution keeps two columns instead of three',
    file: 'shaders/conv1d_prefill.wgsl',
    find: 'var back = min(step.tokens, 3);',
    replace: 'var back = min(step.tokens, 2);',
    test: 'src/kernels/conv1d_prefill.gpu.test.ts',
  },
  {
    name: 'keys turn the other way',
    file: 'shaders/rope_kv_append.wgsl',
    find: 'vec2f(value.x * turn.x - value.y * turn.y, value.y * turn.x + value.x * turn.y)',
    replace: 'vec2f(value.x * turn.x + value.y * turn.y, value.y * turn.x - value.x * turn.y)',
    test: 'src/kernels/rope_kv_append.gpu.test.ts',
  },
  {
    name: 'a query of one token is not scaled',
    file: 'shaders/attention_decode.wgsl',
    find: 'queries[index] = params.scale * rotated4(',
    replace: 'queries[index] = rotated4(',
    test: 'src/kernels/attention_decode.gpu.test.ts',
  },
  {
    name: 'the new key is seen by every split',
    file: 'shaders/attention_decode.wgsl',
    find: 'let cached = min(end, step.position);',
    replace: 'let cached = min(end, step.position - min(step.position, 1));',
    test: 'src/kernels/attention_decode.gpu.test.ts',
  },
  {
    name: 'squared ReLU is ReLU',
    file: 'shaders/relu2.wgsl',
    find: '= positive * positive;',
    replace: '= positive;',
    test: 'src/kernels/relu2.gpu.test.ts',
  },
  {
    name: 'SiLU overflows for large negative values',
    file: 'shaders/lib/math.wgsl',
    find: 'return x / (1.0 + exp(min(-x, 87.0)));',
    replace: 'return x * (1.0 / (1.0 + exp(-x)) + 1e-3);',
    test: 'src/kernels/silu_gate.gpu.test.ts',
  },
  {
    name: 'softplus lacks a term of its series',
    file: 'shaders/lib/math.wgsl',
    find: 'q * (1.0 / 3 + q * (1.0 / 5',
    replace: 'q * (1.0 / 3 + q * (1.0 / 6',
    test: 'src/kernels/ssd_chunk_cumsum.gpu.test.ts',
  },
  {
    name: 'eps of a norm is left out',
    file: 'shaders/lib/normed.wgsl',
    find: 'inverseSqrt(squares_sum / f32(columns4 * 4) + eps)',
    replace: 'inverseSqrt(squares_sum / f32(columns4 * 4))',
    test: 'src/kernels/normed_matvec.gpu.test.ts',
  },
  {
    name: 'a workgroup without subgroups loses a share of its sums',
    file: 'shaders/lib/reduce.wgsl',
    find: 'for (var adder = 1u;',
    replace: 'for (var adder = 2u;',
    test: 'src/kernels/matvec.gpu.test.ts',
  },
  {
    name: 'subnormal e4m3 values are zero',
    file: 'shaders/lib/weight_fp8.wgsl',
    find: 'let subnormal = magnitude < 0x00800000u;',
    replace: 'let subnormal = magnitude < 0x00000001u;',
    test: 'src/kernels/matvec.gpu.test.ts',
  },
  {
    name: 'every second group of int4 takes the scale of the first',
    file: 'shaders/lib/stored_int4.wgsl',
    find: '>> (16 * (block & 1))',
    replace: '>> (0 * (block & 1))',
    test: 'src/kernels/matmul_int8.gpu.test.ts',
  },
  {
    name: 'of equal logits the higher token is chosen',
    ...LOGITS,
    find: '(b.x == a.x && b.y < a.y)',
    replace: '(b.x == a.x && b.y > a.y)',
  },
  {
    name: 'the repetition penalty takes negative logits as positive ones',
    ...LOGITS,
    find: 'value * settings.repetition_penalty, value < 0)',
    replace: 'value / settings.repetition_penalty, value < 0)',
  },
  {
    name: 'the presence penalty counts every time',
    ...LOGITS,
    find: 'settings.presence_penalty * min(times, 1)',
    replace: 'settings.presence_penalty * times',
  },
  {
    name: 'a mask of tokens is read one bit too far',
    ...LOGITS,
    find: '>> (token % 32)) & 1) == 0',
    replace: '>> ((token + 1) % 32)) & 1) == 0',
  },
  {
    name: 'top-p keeps one token less',
    ...SAMPLE,
    find: 'if (wide_less(above, found.goal) && !wide_less(upto, found.goal)) {',
    replace: 'if (!wide_less(found.goal, upto)) {',
  },
  {
    name: 'min-p is not applied',
    ...SAMPLE,
    find: 'if (key > edge && log_weight(key) >= settings.log_min_p) {',
    replace: 'if (key > edge) {',
  },
  {
    name: 'the limit ends an answer a token late',
    ...SAMPLE,
    find: 'var stops = step.emitted >= settings.limit;',
    replace: 'var stops = step.emitted > settings.limit;',
  },
  {
    name: 'only the first stop id counts',
    ...SAMPLE,
    find: 'for (var stop = 0u; stop < settings.stop_count; stop++) {',
    replace: 'for (var stop = 0u; stop < min(settings.stop_count, 1); stop++) {',
  },
];

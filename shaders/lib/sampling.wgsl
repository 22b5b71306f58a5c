// How the next token is chosen: written by src/kernels/sampling/sampling-settings.ts, once an answer.
struct Sampling {
  temperature: f32,         // 0: the likeliest token
  top_k: u32,               // 0: off
  top_p: u32,               // in units of 2^-32; 0: off
  log_min_p: f32,           // ln(min_p); -3e38: off
  repetition_penalty: f32,
  presence_penalty: f32,
  frequency_penalty: f32,
  seed: u32,
  limit: u32,               // tokens after which the answer ends
  flags: u32,               // SAMPLING_PENALTIES, SAMPLING_BIAS, SAMPLING_MASK
  stop_count: u32,
  stop_ids: array<u32, 64>,
}

const SAMPLING_PENALTIES = 1u;  // one of the three penalties is not neutral
const SAMPLING_BIAS = 2u;       // the bias is not all zero
const SAMPLING_MASK = 4u;       // every step has a mask of the tokens that may come

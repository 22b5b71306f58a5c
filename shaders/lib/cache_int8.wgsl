// Keys and values of attention as int8: blocks of 32 elements with a scale each, the largest magnitude / 127. A kernel that
// uses lib/cache.wgsl overrides HEAD_DIM4, and binds `k_cache` and `v_cache: array<Cached>`. These are rows of one head's
// key or value: words of four int8 + 128, and behind them words of two scales. A scale is the upper half of an f32, rounded
// up: it has the range of an f32, and no element exceeds 127.

alias Cached = u32;         // holds four elements
const SCALED: bool = true;  // whether the elements of a block are multiples of a scale
const BLOCK4: u32 = 8;      // vec4f's of a block
const UNIT4: u32 = 16;      // vec4f's that are stored together: those of a word of scales

fn row_words() -> u32 {
  return HEAD_DIM4 + (HEAD_DIM4 + UNIT4 - 1) / UNIT4;
}

// Where vec4f number d4 of a row is.
fn cached_at(row: u32, d4: u32) -> u32 {
  return row * row_words() + d4;
}

// Where the scales of unit number `unit` of a row are.
fn scales_at(row: u32, unit: u32) -> u32 {
  return row * row_words() + HEAD_DIM4 + unit;
}

// The scale of vec4f number d4, from the word of its unit.
fn unit_scale(word: u32, d4: u32) -> f32 {
  return bitcast<f32>(select(word << 16, word & 0xffff0000u, d4 % UNIT4 >= BLOCK4));
}

fn key4(row: u32, d4: u32) -> vec4f {
  return uncached(k_cache[cached_at(row, d4)], unit_scale(k_cache[scales_at(row, d4 / UNIT4)], d4));
}

fn value4(row: u32, d4: u32) -> vec4f {
  return uncached(v_cache[cached_at(row, d4)], unit_scale(v_cache[scales_at(row, d4 / UNIT4)], d4));
}

// The scale of a block, from its largest magnitude.
fn scale_of(largest: f32) -> f32 {
  return bitcast<f32>((bitcast<u32>(largest / 127.0) + 0xffffu) & 0xffff0000u);
}

fn cached(value: vec4f, scale: f32) -> Cached {
  if (scale == 0.0) {
    return 0x80808080u;
  }
  let bytes = vec4u(clamp(round(value / scale), vec4f(-127.0), vec4f(127.0)) + 128.0);
  return bytes.x | (bytes.y << 8) | (bytes.z << 16) | (bytes.w << 24);
}

// A byte in the mantissa of 2^23 is the number 2^23 + byte, exactly: converting integers costs more.
fn uncached(stored: Cached, scale: f32) -> vec4f {
  let low = vec2u(stored, stored >> 16);
  return scale * vec4f(
    bitcast<f32>((low.x & 0xffu) | 0x4b000000u) - 8388736.0,
    bitcast<f32>((low.x & 0xff00u) | 0x4b000000u) * 0.00390625 - 32896.0,
    bitcast<f32>((low.y & 0xffu) | 0x4b000000u) - 8388736.0,
    bitcast<f32>((low.y & 0xff00u) | 0x4b000000u) * 0.00390625 - 32896.0,
  );
}

fn cached_scales(first: f32, second: f32) -> Cached {
  return (bitcast<u32>(first) >> 16) | bitcast<u32>(second);
}

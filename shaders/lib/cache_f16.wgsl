// Keys and values of attention as f16, in pairs of words: pack2x16float needs no device feature. A kernel that uses
// lib/cache.wgsl overrides HEAD_DIM4, and binds `k_cache` and `v_cache: array<Cached>`: rows of one head's key or value.

alias Cached = vec2u;        // holds four elements
const SCALED: bool = false;  // whether the elements of a block are multiples of a scale
const BLOCK4: u32 = 1;       // vec4f's of a block
const UNIT4: u32 = 1;        // vec4f's that are stored together

const F16_MAX: f32 = 65504.0;

// Where vec4f number d4 of a row is.
fn cached_at(row: u32, d4: u32) -> u32 {
  return row * HEAD_DIM4 + d4;
}

// Where the scales of unit number `unit` of a row would be.
fn scales_at(row: u32, unit: u32) -> u32 {
  return row * HEAD_DIM4;
}

fn key4(row: u32, d4: u32) -> vec4f {
  return uncached(k_cache[cached_at(row, d4)], 1.0);
}

fn value4(row: u32, d4: u32) -> vec4f {
  return uncached(v_cache[cached_at(row, d4)], 1.0);
}

// The scale of a block, from its largest magnitude.
fn scale_of(largest: f32) -> f32 {
  return 1.0;
}

// A number that is too large becomes the largest: WGSL says nothing about numbers that do not fit.
fn cached(value: vec4f, scale: f32) -> Cached {
  let bounded = clamp(value, vec4f(-F16_MAX), vec4f(F16_MAX));
  return vec2u(pack2x16float(bounded.xy), pack2x16float(bounded.zw));
}

fn uncached(stored: Cached, scale: f32) -> vec4f {
  return vec4f(unpack2x16float(stored.x), unpack2x16float(stored.y));
}

fn cached_scales(first: f32, second: f32) -> Cached {
  return vec2u();
}

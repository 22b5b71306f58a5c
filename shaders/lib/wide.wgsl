// Unsigned 64-bit integers as vec2u(low, high). Sums of them are exact, so their order does not matter.

fn wide_add(a: vec2u, b: vec2u) -> vec2u {
  let low = a.x + b.x;
  return vec2u(low, a.y + b.y + select(0u, 1u, low < a.x));
}

// a - b, for b <= a.
fn wide_subtract(a: vec2u, b: vec2u) -> vec2u {
  return vec2u(a.x - b.x, a.y - b.y - select(0u, 1u, a.x < b.x));
}

fn wide_less(a: vec2u, b: vec2u) -> bool {
  return a.y < b.y || (a.y == b.y && a.x < b.x);
}

// a * b of 32-bit factors.
fn wide_product(a: u32, b: u32) -> vec2u {
  let low = (a & 0xffff) * (b & 0xffff);
  let middle = (a >> 16) * (b & 0xffff) + (low >> 16);  // at most 2^32 - 2^16 - 1 + ..: no overflow
  let cross = (a & 0xffff) * (b >> 16) + (middle & 0xffff);
  return vec2u((cross << 16) | (low & 0xffff), (a >> 16) * (b >> 16) + (middle >> 16) + (cross >> 16));
}

// a * n, for products below 2^64.
fn wide_times(a: vec2u, n: u32) -> vec2u {
  return wide_add(wide_product(a.x, n), vec2u(0, a.y * n));
}

// floor(a * fraction / 2^32).
fn wide_scale(a: vec2u, fraction: u32) -> vec2u {
  return wide_add(wide_product(a.y, fraction), vec2u(wide_product(a.x, fraction).y, 0));
}

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

// a * b of 32-bit factors, from products of their halves; no sum of these overflows.
fn wide_product(a: u32, b: u32) -> vec2u {
  let low = (a & 0xffff) * (b & 0xffff);
  let middle = (a >> 16) * (b & 0xffff) + (low >> 16);
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

// A number of [0, 1] in units of 2^-45, exactly but for what is below them.
fn wide_fixed(number: f32) -> vec2u {
  let scaled = number * 8192;
  let high = u32(scaled);
  return vec2u(u32((scaled - f32(high)) * 4294967296), high);
}

// The least n, at most `most`, with a * n >= amount.
fn wide_times_needed(a: vec2u, amount: vec2u, most: u32) -> u32 {
  var low = 0u;
  var high = most;
  while (low < high) {
    let middle = (low + high) / 2;
    if (wide_less(wide_times(a, middle), amount)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

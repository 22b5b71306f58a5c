// Stores a part of a key or of a value. The kernel binds `k_cache` and `v_cache: array<Cached>` read_write, and uses
// lib/cache.wgsl.

fn put(is_key: bool, at: u32, value: Cached) {
  if (is_key) {
    k_cache[at] = value;
  } else {
    v_cache[at] = value;
  }
}

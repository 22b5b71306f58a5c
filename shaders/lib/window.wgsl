// Attention of the latest tokens alone, whose keys and values lie in a ring. The kernel overrides RING, rows of the ring, 0
// for a cache that holds all tokens.

// Where a token's keys and values are in the cache: tokens count from the first of the segment, or of all in a ring.
fn cache_row(token: u32) -> u32 {
  if (RING == 0) {
    return token;
  }
  return token % max(RING, 1);
}

fn cache_rows(tokens: vec4u) -> vec4u {
  if (RING == 0) {
    return tokens;
  }
  return tokens % vec4u(max(RING, 1));
}

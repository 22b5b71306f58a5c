// The new token's key (0) and value (1) of a head, in `fresh: array<vec4f, 2 * HEAD_DIM4>` of the workgroup, on their way
// into the cache. The kernel uses lib/cache.wgsl and lib/append.wgsl.

// The scale of a block of the new token's key (0) or value (1).
fn fresh_scale(which: u32, block: u32) -> f32 {
  if (!SCALED) {
    return 1.0;
  }
  var most = vec4f();
  for (var d4 = block * BLOCK4; d4 < min((block + 1) * BLOCK4, HEAD_DIM4); d4++) {
    most = max(most, abs(fresh[which * HEAD_DIM4 + d4]));
  }
  return scale_of(max(max(most.x, most.y), max(most.z, most.w)));
}

// A vec4f of it, as the cache holds it.
fn kept4(which: u32, d4: u32) -> vec4f {
  let scale = fresh_scale(which, d4 / BLOCK4);
  return uncached(cached(fresh[which * HEAD_DIM4 + d4], scale), scale);
}

fn append(row: u32, which: u32, d4: u32) {
  put(which == 0, cached_at(row, d4), cached(fresh[which * HEAD_DIM4 + d4], fresh_scale(which, d4 / BLOCK4)));
  if (SCALED && d4 % UNIT4 == 0) {
    let block = d4 / BLOCK4;
    put(which == 0, scales_at(row, d4 / UNIT4), cached_scales(fresh_scale(which, block), fresh_scale(which, block + 1)));
  }
}

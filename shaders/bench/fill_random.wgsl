// uses: lib/grid.wgsl, lib/pcg.wgsl
// fill_random: weights of a matrix that are random but of a useful size, and behind them row scales that are all the
// same; the scales of groups are random.
//
// Shapes    data: a matrix as src/weights/layout.ts lays it out, in 16-byte blocks.
// Mapping   one invocation a block.
// Constants KIND  0 int8, 1 fp8, 2 f16, 3 f32, 4 int4.

override KIND: u32 = 0;

struct Params {
  blocks: u32,         // of the whole matrix
  weight_blocks: u32,  // of these, what is weights
  seed: u32,
  scale_words: u32,    // of a row, its scale being the first
  scale: f32,          // of the rows; for f16 and f32, the largest weight
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> data: array<vec4u>;  // (blocks)

// In [-1, 1).
fn signed_fraction(word: u32) -> f32 {
  return f32(i32(word)) * 0x1p-31;
}

fn weights_of(word: u32) -> u32 {
  switch KIND {
    case 0, 4: {
      return word;
    }
    case 1: {
      return word & 0xbfbfbfbf;  // magnitudes below 2: no code is NaN, and none drowns the others
    }
    case 2: {
      return pack2x16float(params.scale * vec2f(signed_fraction(word), signed_fraction(word << 16)));
    }
    default: {
      return bitcast<u32>(params.scale * signed_fraction(word));
    }
  }
}

// Word `index` of the scales.
fn scales_of(index: u32) -> u32 {
  if (index % params.scale_words == 0) {
    return bitcast<u32>(params.scale);
  }
  // Two groups of int4: scales in [1, 2), and the zero point in the middle.
  return 0xf80ff80f | (random_word(params.seed + 1, index) & 0x07e007e0);
}

@compute @workgroup_size(256)
fn fill_random(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = folded_group(group) * 256 + lane;
  if (block >= params.blocks) {
    return;
  }
  var words = vec4u();
  for (var i = 0u; i < 4; i++) {
    if (block < params.weight_blocks) {
      words[i] = weights_of(random_word(params.seed, 4 * block + i));
    } else {
      words[i] = scales_of(4 * (block - params.weight_blocks) + i);
    }
  }
  data[block] = words;
}

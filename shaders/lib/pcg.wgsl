// PCG-RXS-M-XS-32 (O'Neill 2014), a bijection of 32-bit words.
fn pcg(word: u32) -> u32 {
  let state = word * 747796405 + 2891336453;
  let mixed = ((state >> ((state >> 28) + 4)) ^ state) * 277803737;
  return (mixed >> 22) ^ mixed;
}

// The word of a seed's sequence at a place, 32 bits of a number in [0, 1).
fn random_word(seed: u32, place: u32) -> u32 {
  return pcg(seed + pcg(place));
}

// How decode cuts the keys of a sequence: into at most SPLITS parts, each of at least MIN_SPAN keys. The kernel
// overrides SPLITS.

const MIN_SPAN: u32 = 128;  // fewer parts are slower to attend, more are slower to merge

fn split_span(length: u32) -> u32 {
  return max(MIN_SPAN, (length + SPLITS - 1) / SPLITS);
}

fn active_splits(length: u32) -> u32 {
  let span = split_span(length);
  return (length + span - 1) / span;
}

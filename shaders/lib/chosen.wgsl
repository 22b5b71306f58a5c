// Products of four rows of all chosen experts with what each of them reads. The kernel binds `v: array<vec4f>` (top_k, F),
// `experts: array<u32>` (top_k) and `weights`, overrides WG, and has in Params `rows`, `first_row`, `blocks`, `columns4`,
// `expert_rows` and `top_k`. It uses lib/weight.wgsl, lib/scales.wgsl and lib/matvec.wgsl.

var<private> first_input: u32;  // of the expert's v

fn input4(index: u32) -> vec4f {
  return select(vec4f(), v[first_input + index], index < params.columns4);
}

// A lane's share of the sums of rows first .. first + 3 of the experts, as far as these rows are bound.
fn chosen_dots(first: u32, lane: u32) -> vec4f {
  var dots = vec4f();
  for (var index = lane; index < params.top_k * params.blocks; index += WG) {
    let place = index / params.blocks;
    // Of the rows that are bound; below the first it wraps to a large number.
    let row = experts[place] * params.expert_rows + first - params.first_row;
    if (row < params.rows) {
      let scales = four_scales(row, params.rows, params.blocks);
      first_input = place * params.columns4;
      dots += scales * matvec_block(row, params.rows, params.blocks, index % params.blocks);
    }
  }
  return dots;
}

// Grids of more workgroups than one dimension may have are folded into y by src/kernels/shared/grid.ts.

fn folded_group(group: vec3u) -> u32 {
  return group.y * 32768 + group.x;
}

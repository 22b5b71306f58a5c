// uses: lib/bytes.wgsl
// ceiling_dot: nothing but dot products of four signed bytes, in eight chains that do not wait for each other.

struct Params {
  rounds: u32,
  factor: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<i32>;   // (invocations)

// A chain feeds each sum into the next product, so that none can be left out.
fn step(sum: i32) -> i32 {
  return dot_bytes(u32(sum), params.factor) + sum;
}

@compute @workgroup_size(256)
fn ceiling_dot(@builtin(global_invocation_id) id: vec3u) {
  var a = i32(id.x);
  var b = a + 1;
  var c = a + 2;
  var d = a + 3;
  var e = a + 4;
  var f = a + 5;
  var g = a + 6;
  var h = a + 7;
  for (var round = 0u; round < params.rounds; round++) {
    a = step(a);
    b = step(b);
    c = step(c);
    d = step(d);
    e = step(e);
    f = step(f);
    g = step(g);
    h = step(h);
  }
  y[id.x] = a + b + c + d + e + f + g + h;
}

// ceiling_fma: nothing but multiply-adds, in eight chains of four that do not wait for each other.
// `elem` is f32, or f16 where the device has it.

struct Params {
  rounds: u32,
  factor: f32,
  summand: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;   // (invocations)

@compute @workgroup_size(256)
fn ceiling_fma(@builtin(global_invocation_id) id: vec3u) {
  let factor = vec4<elem>(elem(params.factor));
  let summand = vec4<elem>(elem(params.summand));
  var a = vec4<elem>(elem(id.x & 1023));
  var b = a + 1;
  var c = a + 2;
  var d = a + 3;
  var e = a + 4;
  var f = a + 5;
  var g = a + 6;
  var h = a + 7;
  for (var round = 0u; round < params.rounds; round++) {
    a = fma(a, factor, summand);
    b = fma(b, factor, summand);
    c = fma(c, factor, summand);
    d = fma(d, factor, summand);
    e = fma(e, factor, summand);
    f = fma(f, factor, summand);
    g = fma(g, factor, summand);
    h = fma(h, factor, summand);
  }
  let sum = a + b + c + d + e + f + g + h;
  y[id.x] = f32(sum.x + sum.y + sum.z + sum.w);
}

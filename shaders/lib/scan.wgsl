// Prefix sums of 64-bit integers over a workgroup of WG invocations. Every invocation must call.

var<workgroup> scan_sums: array<vec2u, 2 * WG>;  // two halves, read and written in turn
var<private> scan_half: u32;

// The sum of the values of this invocation and all before it. `scan_total` is valid until the next call.
fn workgroup_scan(value: vec2u, lane: u32) -> vec2u {
  workgroupBarrier();  // the reads of the call before are over
  scan_half = 0;
  scan_sums[lane] = value;
  workgroupBarrier();
  var sum = value;
  for (var distance = 1u; distance < WG; distance *= 2) {
    if (lane >= distance) {
      sum = wide_add(sum, scan_sums[scan_half + lane - distance]);
    }
    scan_half = WG - scan_half;
    scan_sums[scan_half + lane] = sum;
    workgroupBarrier();
  }
  return sum;
}

// The sum of all values.
fn scan_total() -> vec2u {
  return scan_sums[scan_half + WG - 1];
}

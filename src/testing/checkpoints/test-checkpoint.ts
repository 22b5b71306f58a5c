import { encodeBf16, encodeF16, encodeF8 } from '../../weights/half.ts';

// Checkpoints made in memory, for tests.

/** Header entries with their data; `dtype` may be anything, the data is taken as it is. */
export type TestTensors = Record<string, { dtype: string; shape: number[]; data: Uint8Array }>;

/** A tensor of `values` encoded in `dtype`. */
export function testTensor(dtype: 'F32' | 'BF16' | 'F16' | 'F8_E4M3', shape: number[], values: ArrayLike<number>) {
  const { length } = values;
  const encoded = {
    F32: () => new Float32Array(values),
    BF16: () => encodedInto(new Uint16Array(length), values, encodeBf16),
    F16: () => encodedInto(new Uint16Array(length), values, encodeF16),
    F8_E4M3: () => encodedInto(new Uint8Array(length), values, encodeF8),
  }[dtype]();
  return { dtype, shape, data: new Uint8Array(encoded.buffer) };
}

/** A loop: `from` with a function takes several times as long, and models have a million values. */
function encodedInto(
  to: Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>,
  values: ArrayLike<number>,
  encode: (value: number) => number,
): typeof to {
  for (let i = 0; i < to.length; i++) to[i] = encode(values[i]!);
  return to;
}

/** A safetensors file of these tensors. */
export function safetensorsBytes(tensors: TestTensors): Uint8Array {
  let end = 0;
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [end, end + data.length] };
    end += data.length;
  }
  const file = withHeader(JSON.stringify(header), end);
  let at = file.length - end;
  for (const { data } of Object.values(tensors)) {
    file.set(data, at);
    at += data.length;
  }
  return file;
}

/** A file with this header and `dataBytes` zeros as data. */
export function withHeader(header: string | Uint8Array, dataBytes = 0): Uint8Array {
  const json = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const file = new Uint8Array(8 + json.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  return file;
}

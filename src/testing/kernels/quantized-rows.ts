import { dequantizeRows, QUANTIZED_GROUP } from '../../reference/quantize_rows.ts';
import type { QuantizedRows } from '../../kernels/projections/quantize_rows.ts';
import { randomTensor } from '../arbitrary.ts';
import type { TestGpu } from './device.ts';

/** Rows of int8 with scales of their own, and what they stand for. */
export interface TestRows {
  /** (T, columns) */
  values: Float64Array;
  /** (T, blocks of 16) */
  bytes: Uint8Array;
  /** (T, groups) */
  scales: Float32Array;
  tokens: number;
}

/** Any integers from -128 on, the least and the greatest among them. */
export function randomRows(seed: number, tokens: number, columns: number): TestRows {
  const pitch = Math.ceil(columns / 16) * 16;
  const groups = Math.ceil(columns / QUANTIZED_GROUP);
  const stored = Float64Array.from(randomTensor(seed, tokens * columns), (value, index) =>
    index % 19 === 0 ? -128 : index % 19 === 1 ? 127 : Math.max(-128, Math.min(127, Math.round(value * 50))),
  );
  const scales = randomTensor(seed + 77, tokens * groups).map((value) => Math.abs(value) / 64);
  const bytes = new Uint8Array(tokens * pitch);
  for (let t = 0; t < tokens; t++) {
    for (let c = 0; c < columns; c++) bytes[t * pitch + c] = stored[t * columns + c]!;
  }
  const values = dequantizeRows({ stored, scales: Float64Array.from(scales) }, columns);
  return { values, bytes, scales, tokens };
}

/** Rows first .. end - 1 of them. */
export function someRows({ values, bytes, scales, tokens }: TestRows, first: number, end: number): TestRows {
  const part = <Values extends Float64Array | Uint8Array | Float32Array>(all: Values) => {
    const row = all.length / tokens;
    return all.slice(first * row, end * row) as Values;
  };
  return { values: part(values), bytes: part(bytes), scales: part(scales), tokens: end - first };
}

/** Any integers of two digits of int8, -127 .. 127 and -128 .. 127, with a scale a row: upper digits before lower ones. */
export function randomRowsInt16(seed: number, tokens: number, columns: number): TestRows {
  const pitch = Math.ceil(columns / 16) * 16;
  const random = randomTensor(seed, tokens * columns);
  const scales = randomTensor(seed + 77, tokens).map((value) => Math.abs(value) / 64);
  const bytes = new Uint8Array(2 * tokens * pitch);
  const values = Float64Array.from(random, (value, index) => {
    const [t, c] = [Math.floor(index / columns), index % columns];
    const extremes = [-32_640, 32_639, 128, -129];
    const stored = extremes[index % 19] ?? Math.max(-32_640, Math.min(32_639, Math.round(value * 12_000)));
    const upper = (stored + 128) >> 8;
    bytes[2 * t * pitch + c] = upper;
    bytes[(2 * t + 1) * pitch + c] = stored - 256 * upper;
    return stored * scales[t]!;
  });
  return { values, bytes, scales, tokens };
}

/** As `randomRows`, in one or two digits of int8, with a scale for each group of columns; `bytes` (T, digits, blocks of 16). */
export function randomDigits(seed: number, tokens: number, columns: number, digits: 1 | 2): TestRows {
  if (digits === 1) return randomRows(seed, tokens, columns);
  const { bytes, values: numbers, scales: ofRows } = randomRowsInt16(seed, tokens, columns);
  const groups = Math.ceil(columns / QUANTIZED_GROUP);
  const scales = randomTensor(seed + 177, tokens * groups).map((value) => Math.abs(value) / 64);
  const stored = numbers.map((value, index) => Math.round(value / ofRows[Math.floor(index / columns)]!));
  const values = dequantizeRows({ stored, scales: Float64Array.from(scales) }, columns);
  return { values, bytes, scales, tokens };
}

/** Rows on the GPU. */
export function uploadRows(gpu: TestGpu, { bytes, scales }: TestRows): QuantizedRows {
  return { x: gpu.input(bytes), x_scale: gpu.input(scales) };
}

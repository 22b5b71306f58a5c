// Named tensors that are compared, and how far two of them are apart.

/** Numbers of a tensor with the channels that have a scale of their own. */
export interface Tensor {
  values: Float32Array | Float64Array;
  /** Columns of a row. */
  width: number;
  /** Whether a channel is a column, seen in many rows, or a row. */
  channels: 'columns' | 'rows';
}

/** By name: `logits`, `hidden.2` of the model's own stages, `state.0.ssm`. */
export type Tensors = ReadonlyMap<string, Tensor>;

/** How far a tensor is from what it should be. */
export interface Difference {
  /** Largest difference over the expected tensor's largest magnitude; infinite where a value is no number. */
  ofLargest: number;
  /** Of each channel its largest difference, over the channel's own scale. */
  ofChannels: Float64Array;
}

/** Which channel an element is of. */
function channelOf({ width, channels }: Tensor, index: number): number {
  return channels === 'columns' ? index % width : Math.floor(index / width);
}

/** How many channels a tensor has. */
export function channelCount({ values, width, channels }: Tensor): number {
  return channels === 'columns' ? width : values.length / width;
}

const scales = new WeakMap<Tensor, Float64Array>();

/** Scale of each channel: the magnitude that 99 % of its values do not exceed, by nearest rank. */
function channelScales(tensor: Tensor): Float64Array {
  const known = scales.get(tensor);
  if (known) return known;
  const magnitudes = Array.from({ length: channelCount(tensor) }, (): number[] => []);
  for (const [index, value] of tensor.values.entries()) magnitudes[channelOf(tensor, index)]!.push(Math.abs(value));
  const result = Float64Array.from(magnitudes, (channel) => {
    return channel.toSorted((a, b) => a - b)[Math.ceil(0.99 * channel.length) - 1]!;
  });
  scales.set(tensor, result);
  return result;
}

/** Compares a tensor with what it should be; of other sizes, or without numbers, it is infinitely far away. */
export function difference(actual: Tensor, expected: Tensor): Difference {
  const ofChannels = new Float64Array(channelCount(expected));
  if (actual.values.length !== expected.values.length) {
    return { ofLargest: Infinity, ofChannels: ofChannels.fill(Infinity) };
  }
  let [largest, apart] = [0, 0];
  for (const [index, value] of expected.values.entries()) {
    const found = Math.abs(actual.values[index]! - value);
    const error = Number.isNaN(found) ? Infinity : found;
    const channel = channelOf(expected, index);
    apart = Math.max(apart, error);
    ofChannels[channel] = Math.max(ofChannels[channel]!, error);
    largest = Math.max(largest, Math.abs(value));
  }
  const own = channelScales(expected);
  return {
    ofLargest: over(apart, largest),
    ofChannels: ofChannels.map((error, channel) => over(error, own[channel]!)),
  };
}

/** A difference over a scale: of nothing but zeros, only zeros are at no distance. */
function over(error: number, scale: number): number {
  return error === 0 ? 0 : error / scale;
}

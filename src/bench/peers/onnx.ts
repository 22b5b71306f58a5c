import { Message } from './protobuf.ts';

// An ONNX model, as far as the graph of a language model takes: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.

/** Element types by their number in ONNX. */
export const ELEMENT = { float: 1, uint8: 2, int32: 6, int64: 7 } as const;
export type Element = keyof typeof ELEMENT;

/** Dimensions of an input or output; a name stands for a size that varies. */
export type Shape = readonly (number | string)[];

/** Attributes of a node: an integer is written `int`, any other number `float`. */
export type Attributes = Readonly<Record<string, { int: number } | { float: number } | { text: string }>>;

/** Bytes of a file outside the model. */
export interface External {
  file: string;
  offset: number;
  bytes: number;
}

const IR_VERSION = 9;
const OPSETS: readonly [domain: string, version: number][] = [
  ['', 20],
  ['com.microsoft', 1],
];
/** Operators of ONNX Runtime's own. */
const CONTRIB = new Set([
  'CausalConvWithState',
  'GatherBlockQuantized',
  'GroupQueryAttention',
  'LinearAttention',
  'MatMulNBits',
  'SkipSimplifiedLayerNormalization',
]);

/** A graph being written. Values are named by whoever makes them. */
export class OnnxGraph {
  readonly #graph = new Message().string(2, 'model');
  #nodes = 0;

  /** Adds a node and returns the names of its outputs, made up from `name`. An empty input name leaves one out. */
  node(operator: string, name: string, inputs: readonly string[], attributes: Attributes = {}, outputs = 1): string[] {
    const names = Array.from({ length: outputs }, (_, index) => (index === 0 ? name : `${name}:${index}`));
    this.nodeInto(operator, inputs, names, attributes);
    return names;
  }

  /** Adds a node whose outputs have given names. */
  nodeInto(operator: string, inputs: readonly string[], outputs: readonly string[], attributes: Attributes = {}): void {
    const node = new Message().string(3, `${operator}_${this.#nodes++}`).string(4, operator);
    for (const input of inputs) node.string(1, input);
    for (const output of outputs) node.string(2, output);
    if (CONTRIB.has(operator)) node.string(7, 'com.microsoft');
    for (const [name, value] of Object.entries(attributes)) node.message(5, attribute(name, value));
    this.#graph.message(1, node);
  }

  /** A constant inside the model. */
  constant(name: string, element: Element, dims: readonly number[], data: Uint8Array<ArrayBuffer>): string {
    this.#graph.message(5, tensor(name, element, dims).bytes(9, data));
    return name;
  }

  floats(name: string, dims: readonly number[], values: Float32Array<ArrayBuffer>): string {
    return this.constant(name, 'float', dims, new Uint8Array(values.buffer));
  }

  integers(name: string, values: readonly number[]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.constant(name, 'int64', [values.length], new Uint8Array(data.buffer));
  }

  /** A constant in a file beside the model. */
  external(name: string, element: Element, dims: readonly number[], { file, offset, bytes }: External): string {
    const data = tensor(name, element, dims).integer(14, 1);
    const entries = { location: file, offset: `${offset}`, length: `${bytes}` };
    for (const [key, value] of Object.entries(entries)) data.message(13, new Message().string(1, key).string(2, value));
    this.#graph.message(5, data);
    return name;
  }

  input(name: string, element: Element, shape: Shape): string {
    this.#graph.message(11, valueInfo(name, element, shape));
    return name;
  }

  output(name: string, element: Element, shape: Shape): string {
    this.#graph.message(12, valueInfo(name, element, shape));
    return name;
  }

  /** The model's bytes. */
  encode(): Uint8Array<ArrayBuffer> {
    const model = new Message().integer(1, IR_VERSION).string(2, 'bamba-web').message(7, this.#graph);
    for (const [domain, version] of OPSETS) model.message(8, new Message().string(1, domain).integer(2, version));
    return model.encode();
  }
}

function attribute(name: string, value: Attributes[string]): Message {
  const message = new Message().string(1, name);
  if ('int' in value) return message.integer(3, value.int).integer(20, 2);
  if ('float' in value) return message.float(2, value.float).integer(20, 1);
  return message.string(4, value.text).integer(20, 3);
}

function tensor(name: string, element: Element, dims: readonly number[]): Message {
  const message = new Message().integer(2, ELEMENT[element]).string(8, name);
  for (const dim of dims) message.integer(1, dim);
  return message;
}

function valueInfo(name: string, element: Element, shape: Shape): Message {
  const dims = new Message();
  for (const dim of shape) {
    dims.message(1, typeof dim === 'number' ? new Message().integer(1, dim) : new Message().string(2, dim));
  }
  const type = new Message().integer(1, ELEMENT[element]).message(2, dims);
  return new Message().string(1, name).message(2, new Message().message(1, type));
}

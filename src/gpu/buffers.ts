import { settled } from './device-faults.ts';

/** A range of a buffer, as bound to a kernel. Offsets are multiples of 256. */
export interface BufferSlice {
  buffer: GPUBuffer;
  offset: number;
  size: number;
}

export function slice(buffer: GPUBuffer, offset = 0, size = buffer.size - offset): BufferSlice {
  return { buffer, offset, size };
}

/**
 * Records a copy from one range to another, of its size. WebGPU copies within no buffer: there it goes by way of another one.
 * @param scratch takes the bytes in between; needed where both ranges may be of one buffer
 */
export function copySlice(encoder: GPUCommandEncoder, from: BufferSlice, to: BufferSlice, scratch?: GPUBuffer): void {
  if (from.buffer !== to.buffer || !scratch) {
    encoder.copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, to.size);
    return;
  }
  encoder.copyBufferToBuffer(from.buffer, from.offset, scratch, 0, to.size);
  encoder.copyBufferToBuffer(scratch, 0, to.buffer, to.offset, to.size);
}

/** What makes buffers, or only adds up what they would take. */
export interface BufferMaker {
  /** A storage buffer of `bytes`, zeroed; it can be copied from and to. */
  storage(name: string, bytes: number): GPUBuffer;
  /** The same, to be bound as a uniform too. */
  storageAndUniform(name: string, bytes: number): GPUBuffer;
  /** A storage buffer of f32 values. */
  floats(name: string, ...shape: number[]): GPUBuffer;
  /** A storage buffer with these values. */
  filled(name: string, values: Float32Array<ArrayBuffer>): GPUBuffer;
  /** A buffer that the host maps to read. */
  readback(name: string, bytes: number): GPUBuffer;
}

/** Makes ranges of buffers: whole ones, or parts of larger ones. */
export interface SliceMaker {
  /** Storage of `bytes`, zeroed; it can be copied from and to. */
  storage(name: string, bytes: number): BufferSlice;
  /** The same, to be bound as a uniform too. */
  storageAndUniform(name: string, bytes: number): BufferSlice;
  /** Storage of f32 values. */
  floats(name: string, ...shape: number[]): BufferSlice;
  /** Storage with these values, which nothing writes to. */
  filled(name: string, values: Float32Array<ArrayBuffer>): BufferSlice;
}

/** A buffer of its own for each range. */
export function wholeBuffers(set: BufferMaker): SliceMaker {
  return {
    storage: (name, bytes) => slice(set.storage(name, bytes)),
    storageAndUniform: (name, bytes) => slice(set.storageAndUniform(name, bytes)),
    floats: (name, ...shape) => slice(set.floats(name, ...shape)),
    filled: (name, values) => slice(set.filled(name, values)),
  };
}

/** Bytes of a buffer for so many. */
export function storageBytes(bytes: number): number {
  return Math.max(16, Math.ceil(bytes / 16) * 16);
}

/** Adds up what a `BufferSet` would take, without a device. Its buffers have a size, and nothing else. */
export class BufferTally implements BufferMaker {
  bytes = 0;
  /** Bytes of the largest. */
  largest = 0;

  storage(_name: string, bytes: number): GPUBuffer {
    const size = storageBytes(bytes);
    this.bytes += size;
    this.largest = Math.max(this.largest, size);
    return { size } as GPUBuffer;
  }

  storageAndUniform(name: string, bytes: number): GPUBuffer {
    return this.storage(name, bytes);
  }

  floats(name: string, ...shape: number[]): GPUBuffer {
    return this.storage(name, floatBytes(shape));
  }

  filled(name: string, values: Float32Array<ArrayBuffer>): GPUBuffer {
    return this.storage(name, values.byteLength);
  }

  readback(name: string, bytes: number): GPUBuffer {
    return this.storage(name, bytes);
  }
}

/** Bytes of f32 values of a shape. */
export function floatBytes(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 4);
}

/** Buffers that live and die together: the weights of a model, the activations of a plan, the state of a sequence. */
export class BufferSet implements BufferMaker {
  readonly #device: GPUDevice;
  readonly #label: string;
  readonly #buffers: GPUBuffer[] = [];
  #bytes = 0;

  constructor(device: GPUDevice, label: string) {
    this.#device = device;
    this.#label = label;
  }

  /** Bytes of GPU memory that the set holds. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A storage buffer of `bytes` (rounded up to 16), zeroed; it can be copied from and to. */
  storage(name: string, bytes: number, extraUsage: GPUBufferUsageFlags = 0): GPUBuffer {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC | extraUsage;
    return this.#create(name, storageBytes(bytes), usage);
  }

  /** The same, to be bound as a uniform too. */
  storageAndUniform(name: string, bytes: number): GPUBuffer {
    return this.storage(name, bytes, GPUBufferUsage.UNIFORM);
  }

  /** A storage buffer of f32 values. */
  floats(name: string, ...shape: number[]): GPUBuffer {
    return this.storage(name, floatBytes(shape));
  }

  /** A storage buffer with these values. */
  filled(name: string, values: Float32Array<ArrayBuffer>): GPUBuffer {
    const buffer = this.floats(name, values.length);
    this.#device.queue.writeBuffer(buffer, 0, values);
    return buffer;
  }

  /** A uniform buffer. */
  uniform(name: string, bytes: number): GPUBuffer {
    return this.#create(name, Math.ceil(bytes / 16) * 16, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
  }

  /** A buffer that the host maps to read. */
  readback(name: string, bytes: number): GPUBuffer {
    return this.#create(name, Math.ceil(bytes / 16) * 16, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
  }

  /** A buffer that the host maps to write, to be copied from. */
  staging(name: string, bytes: number): GPUBuffer {
    return this.#create(name, Math.ceil(bytes / 16) * 16, GPUBufferUsage.MAP_WRITE | GPUBufferUsage.COPY_SRC);
  }

  #create(name: string, size: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const buffer = this.#device.createBuffer({ label: `${this.#label} / ${name}`, size, usage });
    this.#buffers.push(buffer);
    this.#bytes += size;
    return buffer;
  }

  /** Idempotent. */
  dispose(): void {
    for (const buffer of this.#buffers.splice(0)) buffer.destroy();
    this.#bytes = 0;
  }
}

/**
 * Reads `bytes` of a buffer back. For results and tests: nothing in generation waits on it per token.
 * @throws BambaError `device_lost`, `disposed`, `gpu_failure`.
 */
export async function readBuffer(device: GPUDevice, source: BufferSlice): Promise<ArrayBuffer> {
  const size = Math.ceil(source.size / 4) * 4;
  const staging = device.createBuffer({
    label: 'readback',
    size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  try {
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(source.buffer, source.offset, staging, 0, size);
    device.queue.submit([encoder.finish()]);
    await settled(device, staging.mapAsync(GPUMapMode.READ), 'The GPU did not hand back what it computed.');
    return staging.getMappedRange().slice(0, source.size);
  } finally {
    staging.destroy();
  }
}

export async function readFloats(device: GPUDevice, source: BufferSlice): Promise<Float32Array<ArrayBuffer>> {
  return new Float32Array(await readBuffer(device, source));
}

import { BambaError } from '../errors.ts';
import { explained, lossOf, settled, toGpuError } from './device-faults.ts';

/** The limits of a device that decide what fits. */
export interface GpuLimits {
  maxBufferSize: number;
  maxStorageBufferBindingSize: number;
}

/** Bytes of the largest range of a buffer that a kernel can bind. */
export function largestBinding({ maxBufferSize, maxStorageBufferBindingSize }: GpuLimits): number {
  return Math.min(maxBufferSize, maxStorageBufferBindingSize);
}

/** Optional device features that kernels have faster variants for. */
export interface GpuFeatures {
  f16: boolean;
  subgroups: boolean;
  timestamps: boolean;
  /** Whether the language has products of words of four bytes. */
  byteProducts: boolean;
  /** Whether subgroups of 32 multiply matrices of int8, as kernels with lib/matmul_subgroup_matrix.wgsl do. */
  subgroupMatrices: boolean;
  /** Invocations of the adapter's largest subgroup; 32 where it does not say. Sizes workgroups, never an index. */
  subgroupSize: number;
  /** Whether products of bytes are thought to be quicker than those of floats. */
  quickByteProducts: boolean;
  /** Whether decoding with int4 weights takes activations as fixed point of 16 bits: where products of bytes are quick. */
  fixedPoint: boolean;
  /** Most invocations of a workgroup. */
  maxInvocations: number;
  /** Most bytes of workgroup memory. */
  workgroupBytes: number;
  /** Most subgroups in a workgroup of a matvec, where that was measured on this adapter: a power of two. */
  matvecSubgroups?: number;
  /** Rows up to which a matrix is narrow: its workgroups in long prompts and in int4 decoding are too few for the GPU. */
  narrowRows: number;
}

/** What a device may lack, by the names that `GpuOptions.without` takes. `byteProducts` is a feature of the language. */
export const OPTIONAL_FEATURES = ['f16', 'subgroups', 'timestamps', 'byteProducts'] as const;

/** One of them. */
export type OptionalFeature = (typeof OPTIONAL_FEATURES)[number];

type DeviceFeature = Exclude<OptionalFeature, 'byteProducts'>;

export interface GpuOptions {
  /** Default: `navigator.gpu`. */
  gpu?: GPU;
  /** Features not to use although the adapter has them, to test the paths without. */
  without?: readonly OptionalFeature[];
  /** Whether the device is asked for with the standard's own limits, which every device has, instead of the adapter's. */
  defaultLimits?: boolean;
  /** Whether to use subgroup matrices where there are some: a feature of Chromium that is an experiment, and may change. */
  subgroupMatrices?: boolean;
  /** Whether products of bytes count as quick; by default where they are thought to be. */
  quickByteProducts?: boolean;
  /** Upper bounds on the limits to make use of, to test the paths of smaller adapters. */
  maxLimits?: Partial<GpuLimits>;
}

const FEATURE_NAMES: Record<DeviceFeature, GPUFeatureName> = {
  f16: 'shader-f16',
  subgroups: 'subgroups',
  timestamps: 'timestamp-query',
};

const BYTE_PRODUCTS = 'packed_4x8_integer_dot_product';

// Not in the standard yet.
const MATRICES = 'chromium-experimental-subgroup-matrix' as GPUFeatureName;
/** Bytes of workgroup memory that kernels with lib/matmul_subgroup_matrix.wgsl have: more than every adapter offers. */
export const MATRICES_STORAGE = 36_864;

interface MatrixConfig {
  componentType: string;
  resultComponentType: string;
  M: number;
  N: number;
  K: number;
}

/** Whether an adapter has the matrices that our kernels are written for, and all else that these need. */
function offersMatrices({ features, limits }: GPUAdapter, info: GPUAdapterInfo): boolean {
  const {
    subgroupMinSize,
    subgroupMaxSize,
    subgroupMatrixConfigs = [],
  } = info as GPUAdapterInfo & {
    subgroupMatrixConfigs?: Iterable<MatrixConfig>;
  };
  return (
    features.has(MATRICES) &&
    features.has('subgroups') &&
    subgroupMinSize === 32 &&
    subgroupMaxSize === 32 &&
    limits.maxComputeWorkgroupStorageSize >= MATRICES_STORAGE &&
    [...subgroupMatrixConfigs].some(
      ({ componentType, resultComponentType, M, N, K }) =>
        componentType === 'i8' && resultComponentType === 'i32' && M === 16 && N === 16 && K === 32,
    )
  );
}

const TRY_AGAIN = 'Load the model again; if it happens again, update the driver or try another browser.';

/** Names of what calls to a device throw when it is gone. */
const DEVICE_ERRORS: ReadonlySet<string> = new Set(['OperationError', 'GPUPipelineError']);

const NO_INFO = { vendor: '', architecture: '', device: '', description: '' } as GPUAdapterInfo;

/** What the adapter says of itself: Chromium up to 126 has it behind a call, and privacy settings keep it back. */
async function infoOf(adapter: GPUAdapter): Promise<GPUAdapterInfo> {
  const { info, requestAdapterInfo } = adapter as Partial<GPUAdapter> & {
    requestAdapterInfo?: () => Promise<GPUAdapterInfo>;
  };
  try {
    return info ?? (await requestAdapterInfo?.call(adapter)) ?? NO_INFO;
  } catch {
    return NO_INFO;
  }
}

const HOW_TO_GET_WEBGPU =
  'Use a current Chrome, Edge, Firefox or Safari with hardware acceleration switched on; ' +
  'on Linux Chrome may need --enable-unsafe-webgpu --enable-features=Vulkan.';

const HOW_TO_GET_IT_BACK =
  'Where it worked before, the browser has switched WebGPU off because its GPU process broke down several times: reload ' +
  'the page, and if that does not help, restart the browser.';

/**
 * A WebGPU device with the adapter's own limits, or the standard's, and what is known about it.
 * Everything that can fail on the device is reported as a BambaError: creation here, loss through `lost`,
 * uncaptured errors through `failure()`.
 */
export class Gpu {
  readonly device: GPUDevice;
  readonly adapterInfo: GPUAdapterInfo;
  readonly features: GpuFeatures;
  /** No buffer and no binding may be larger. A device has the standard's own minimum at least; these may be lower. */
  readonly limits: GpuLimits;
  /** Resolves once, when the device is gone; `disposed` when that was our wish. */
  readonly lost: Promise<BambaError>;
  #failure: BambaError | null = null;

  private constructor(
    device: GPUDevice,
    adapterInfo: GPUAdapterInfo,
    { byteProducts, quickByteProducts }: Pick<GpuFeatures, 'byteProducts' | 'quickByteProducts'>,
    maxLimits: Partial<GpuLimits> = {},
  ) {
    this.device = device;
    this.limits = {
      maxBufferSize: Math.min(device.limits.maxBufferSize, maxLimits.maxBufferSize ?? Infinity),
      maxStorageBufferBindingSize: Math.min(
        device.limits.maxStorageBufferBindingSize,
        maxLimits.maxStorageBufferBindingSize ?? Infinity,
      ),
    };
    this.adapterInfo = adapterInfo;
    this.features = {
      f16: device.features.has(FEATURE_NAMES.f16),
      subgroups: device.features.has(FEATURE_NAMES.subgroups),
      timestamps: device.features.has(FEATURE_NAMES.timestamps),
      byteProducts,
      subgroupMatrices: device.features.has(MATRICES),
      subgroupSize: adapterInfo.subgroupMaxSize || 32,
      quickByteProducts,
      fixedPoint: device.features.has(FEATURE_NAMES.subgroups) && quickByteProducts,
      narrowRows: isWide(adapterInfo) ? NARROW_ROWS : 0,
      maxInvocations: device.limits.maxComputeInvocationsPerWorkgroup,
      workgroupBytes: device.limits.maxComputeWorkgroupStorageSize,
    };
    this.lost = lossOf(device).then((loss) => {
      this.#failure ??= loss;
      return loss;
    });
    device.addEventListener('uncapturederror', (event) => {
      const { error } = event;
      this.#failure ??= toGpuError(error, 'a GPU command');
    });
  }

  /** @throws BambaError `webgpu_unavailable` with how to get it. */
  static async request(options: GpuOptions = {}): Promise<Gpu> {
    const gpu = requireWebGpu(options.gpu);
    const adapter = await requestAdapter(gpu);
    const info = await infoOf(adapter);
    const wanted = (Object.keys(FEATURE_NAMES) as DeviceFeature[])
      .filter((name) => !options.without?.includes(name))
      .map((name) => FEATURE_NAMES[name])
      .filter((name) => adapter.features.has(name));
    // Absent in Chromium up to 118.
    const languageFeatures = gpu.wgslLanguageFeatures as WGSLLanguageFeatures | undefined;
    const byteProducts = languageFeatures?.has(BYTE_PRODUCTS) === true && !options.without?.includes('byteProducts');
    const { subgroupMatrices = false, defaultLimits = false } = options;
    const quickByteProducts = byteProducts && (options.quickByteProducts ?? multipliesBytes(info));
    const withMatrices =
      subgroupMatrices &&
      byteProducts &&
      !defaultLimits &&
      !options.without?.includes('subgroups') &&
      offersMatrices(adapter, info);
    const features = withMatrices ? [...wanted, MATRICES] : wanted;
    const device = await requestDevice(adapter, features, defaultLimits ? {} : ownLimits(adapter));
    return new Gpu(device, info, { byteProducts, quickByteProducts }, options.maxLimits);
  }

  /** @throws the first failure that no error scope caught, or the loss of the device. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /**
   * Runs `work` inside error scopes, so that running out of memory and our own mistakes are errors of that call.
   * @throws BambaError `out_of_memory`, `gpu_failure`, `device_lost`, `disposed`.
   */
  async guarded<Result>(what: string, work: () => Result | Promise<Result>): Promise<Result> {
    const { value, accepted } = this.guardedNow(what, async () => work());
    const [result] = await Promise.all([value, accepted]);
    return result;
  }

  /**
   * As `guarded`, for work whose result is wanted before the device has answered.
   * @returns what `work` returns, and a promise that rejects when the device did not accept what it did.
   */
  guardedNow<Result>(what: string, work: () => Result): { value: Result; accepted: Promise<void> } {
    const { device } = this;
    device.pushErrorScope('out-of-memory');
    device.pushErrorScope('internal');
    device.pushErrorScope('validation');
    // The scopes are popped before anything is awaited: they nest by time of call, not by promise.
    const pop = () => Promise.all([device.popErrorScope(), device.popErrorScope(), device.popErrorScope()]);
    let value: Result;
    try {
      value = work();
    } catch (error) {
      pop().catch(() => {}); // what was thrown says more
      throw error;
    }
    const accept = async (popped: ReturnType<typeof pop>) => {
      const errors = await settled(device, popped, `The GPU did not say whether it took ${what}. ${TRY_AGAIN}`);
      const error = errors.find((scopeError) => scopeError !== null);
      if (error) throw toGpuError(error, what);
    };
    const accepted = accept(pop());
    accepted.catch(() => {}); // whoever awaits it hears of it
    return { value, accepted };
  }

  /**
   * Maps a buffer, all of it. It fails when the device is gone; what happened to it says more.
   * @param failed what it means otherwise, a sentence.
   * @throws BambaError `device_lost`, `disposed`, an earlier failure, `gpu_failure`.
   */
  async map(buffer: GPUBuffer, mode: GPUMapModeFlags, failed: string): Promise<void> {
    await this.#use(buffer.mapAsync(mode), failed);
  }

  /** Waits until the GPU has done all that was submitted. @throws BambaError as `map`. */
  async done(): Promise<void> {
    await this.#use(this.device.queue.onSubmittedWorkDone(), `The GPU did not finish what it was given. ${TRY_AGAIN}`);
  }

  async #use(promise: Promise<undefined>, failed: string): Promise<void> {
    try {
      await settled(this.device, promise, failed);
    } catch (error) {
      this.check();
      throw error;
    }
  }

  /**
   * The right name for an error that came up while the device was used. A mapped range or a call that a lost device
   * refuses is the loss. Others are what they are.
   */
  async explain(error: unknown): Promise<unknown> {
    if (error instanceof BambaError) return error;
    const ofDevice = this.#failure !== null || (error instanceof Error && DEVICE_ERRORS.has(error.name));
    if (!ofDevice) return error;
    const explanation = await explained(this.device, error, `The GPU refused a call: ${String(error)}. ${TRY_AGAIN}`);
    return this.#failure ?? explanation;
  }

  dispose(): void {
    this.device.destroy();
  }
}

/**
 * The limits that a device of this browser would have. None is made.
 * @param gpu default: `navigator.gpu`
 * @throws BambaError `webgpu_unavailable`, as `Gpu.request`.
 */
export async function adapterLimits(gpu?: GPU): Promise<GpuLimits> {
  const { limits } = await requestAdapter(requireWebGpu(gpu));
  return { maxBufferSize: limits.maxBufferSize, maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize };
}

/** @throws BambaError `webgpu_unavailable`. */
function requireWebGpu(given: GPU | undefined): GPU {
  const gpu = given ?? (globalThis.navigator as Navigator | undefined)?.gpu;
  if (gpu) return gpu;
  throw new BambaError('webgpu_unavailable', `This browser offers no WebGPU. ${HOW_TO_GET_WEBGPU}`);
}

/** Whether an adapter multiplies four bytes at once: Apple's take a dozen instructions, and processors are no quicker at it. */
function multipliesBytes({ vendor, subgroupMinSize }: GPUAdapterInfo): boolean {
  return vendor !== 'apple' && (subgroupMinSize || 32) >= 8;
}

/** `narrowRows` of a wide GPU, measured on an H200. */
const NARROW_ROWS = 2560;

/** Whether an adapter has far more processors than a product of few rows has workgroups. WebGPU does not say how many. */
function isWide({ vendor }: GPUAdapterInfo): boolean {
  return vendor === 'nvidia';
}

/** @throws BambaError `webgpu_unavailable`. */
async function requestAdapter(gpu: GPU): Promise<GPUAdapter> {
  let cause: unknown;
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' }).catch((error: unknown) => {
    cause = error;
    return null;
  });
  if (adapter) return adapter;
  throw new BambaError(
    'webgpu_unavailable',
    `WebGPU found no usable graphics adapter. ${HOW_TO_GET_WEBGPU} ${HOW_TO_GET_IT_BACK}`,
    { cause },
  );
}

/** The adapter's own limits, as far as they matter. */
function ownLimits({ limits }: GPUAdapter): Record<string, number> {
  return {
    maxBufferSize: limits.maxBufferSize,
    maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
    maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
    maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
  };
}

/** @throws BambaError `webgpu_unavailable`. */
async function requestDevice(
  adapter: GPUAdapter,
  requiredFeatures: GPUFeatureName[],
  requiredLimits: Record<string, number>,
): Promise<GPUDevice> {
  try {
    return await adapter.requestDevice({ label: 'bamba-web', requiredFeatures, requiredLimits });
  } catch (cause) {
    throw new BambaError(
      'webgpu_unavailable',
      `The graphics adapter gave no device: ${(cause as Error).message}. ${HOW_TO_GET_WEBGPU} ${HOW_TO_GET_IT_BACK}`,
      { cause },
    );
  }
}

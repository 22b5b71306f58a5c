// Engines of many tests on one device: what the CPU has compiled for one, it need not compile for the next. Test files
// that run in one process, one after the other, share it too.

const programs = new WeakMap<GPUShaderModule, string>();
/** By their features and limits. */
type Devices = Map<string, Promise<GPUDevice>>;
const ofAll: Devices = new Map<string, Promise<GPUDevice>>();

/**
 * Gives devices that outlive whoever disposes of them, one for each choice of features, and compiles nothing twice.
 * @param devices those of tests that leave a device as others must not find it
 */
export function sharedGpu(devices: Devices = ofAll): GPU {
  const requestAdapter = async (options?: GPURequestAdapterOptions) => {
    const adapter = await navigator.gpu.requestAdapter(options);
    if (!adapter) return null;
    const requestDevice = (descriptor: GPUDeviceDescriptor = {}): Promise<GPUDevice> => {
      const key = JSON.stringify([descriptor.requiredFeatures, descriptor.requiredLimits]);
      let device = devices.get(key);
      if (!device) {
        device = adapter.requestDevice(descriptor).then(lasting);
        devices.set(key, device);
      }
      return device;
    };
    const { features, limits, info } = adapter;
    return { features, limits, info, requestDevice } as unknown as GPUAdapter;
  };
  const { wgslLanguageFeatures } = navigator.gpu;
  return { requestAdapter, wgslLanguageFeatures } as unknown as GPU;
}

function lasting(device: GPUDevice): GPUDevice {
  const pipelines = new Map<string, Promise<GPUComputePipeline>>();
  const createShaderModule = device.createShaderModule.bind(device);
  const createPipeline = device.createComputePipelineAsync.bind(device);
  device.destroy = () => undefined;
  device.createShaderModule = (descriptor) => {
    const module = createShaderModule(descriptor);
    programs.set(module, descriptor.code);
    return module;
  };
  device.createComputePipelineAsync = (descriptor) => {
    const { module, entryPoint, constants } = descriptor.compute;
    const key = JSON.stringify([programs.get(module), entryPoint, constants]);
    let pipeline = pipelines.get(key);
    if (!pipeline) {
      pipeline = createPipeline(descriptor);
      pipelines.set(key, pipeline);
    }
    return pipeline;
  };
  return device;
}

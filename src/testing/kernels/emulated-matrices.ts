// Subgroup matrices on a device that has none, so that all around them runs and gives numbers: the 32 invocations of a
// subgroup have some elements each of its sums. It reads the very shaders that are shipped, but for what has to do with the
// matrices themselves, and for the room that they leave between rows: SwiftShader has 32 KiB of workgroup memory.

const FEATURE = 'chromium-experimental-subgroup-matrix';
const STORAGE = 32_768;

// A matrix is the place where it was loaded from, in memory that stays as it is until `multiply`. Products wait for that:
// one loop of them is compiled faster than many products.
const MATRICES = `
struct Product {
  left: vec2u,
  right: vec2u,
  sums: u32,
}

var<private> member: u32;
var<private> products: array<Product, 32>;
var<private> waiting: u32;
var<private> elements: array<array<i32, 8>, 8>;

fn add_product(left: vec2u, right: vec2u, sums: u32) {
  products[waiting] = Product(left, right, sums);
  waiting++;
}

fn word_at(matrix: vec2u, row: u32, word: u32) -> u32 {
  return u32(shares[matrix.x][matrix.y + row * PITCH + word / 4][word % 4]);
}

fn multiply() {
  for (var p = 0u; p < waiting; p++) {
    for (var i = member; i < 256; i += 32) {
      var sum = 0;
      for (var word = 0u; word < 8; word++) {
        sum += dot4I8Packed(word_at(products[p].left, i / 16, word), word_at(products[p].right, i % 16, word));
      }
      elements[products[p].sums][i / 32] += sum;
    }
  }
  waiting = 0;
}

fn store_sums(share: u32, offset: u32, sums: u32, pitch: u32) {
  for (var i = member; i < 256; i += 32) {
    shares[share][offset + i / 16 * pitch + i % 16 / 4][i % 4] = elements[sums][i / 32];
  }
}
`;

/** What stands for the words of a device with matrices. */
function replacements(): [pattern: RegExp, by: string | ((found: string) => string)][] {
  let sums = 0;
  return [
    [/enable chromium_experimental_subgroup_matrix;\n/, MATRICES],
    [/(?<=const PITCH: u32 = )(?:9|5)/, (pitch) => `${Number(pitch) - 1}`],
    // Sums are a number of their own.
    [/^alias Sums = subgroup_matrix_result<.*$/m, 'alias Sums = u32;'],
    [/^alias \w+ = subgroup_matrix_\w+<.*\n/gm, ''],
    [/(?<=var \w+ = )Sums\(\)/g, () => `${sums++}u`],
    [/subgroupMatrixLoad<\w+, \w+>\(&shares\[(\w+)\], (.*), PITCH\);/g, 'vec2u($1, $2);'],
    [/(\w+) = subgroupMatrixMultiplyAccumulate\((\w+), (\w+), \1\);/g, 'add_product($2, $3, $1);'],
    [/subgroupMatrixStore<row_major>\(&shares\[(\w+)\], (\w+), (\w+), (\w+)\);/g, 'store_sums($1, $2, $3, $4);'],
    // Behind the products of a step, and behind those of the last.
    [/^ {4}workgroupBarrier\(\);\n(?= *shares\[)/m, '    multiply();\n    workgroupBarrier();\n'],
    [/^ {2}let t0 = /m, '  multiply();\n  let t0 = '],
    // Subgroups of 32, whatever those of the device.
    [/^ *@builtin\(subgroup_id\) subgroup: u32,\n/m, ''],
    [/^ *@builtin\(subgroup_invocation_id\) member: u32,\n/m, ''],
    [/ matmul_tile\(lane, subgroup, member,/, ' member = lane % 32;\n  matmul_tile(lane, lane / 32, member,'],
  ];
}

/** @throws Error where a shader has what is not known here. */
function emulated(code: string): string {
  if (!code.includes('subgroup_matrix_left<')) return code;
  let text = code;
  for (const [pattern, by] of replacements()) {
    if (text.search(pattern) < 0) throw new Error(`A shader on subgroup matrices has no ${pattern}.`);
    text = typeof by === 'string' ? text.replace(pattern, by) : text.replace(pattern, by);
  }
  const left = /\b(?:subgroup_(?:matrix|i)|subgroupMatrix).{0,80}/.exec(text.replaceAll(/\/\/.*/g, ''));
  if (left) throw new Error(`The emulation of subgroup matrices does not know ${left[0]}`);
  return text;
}

/** What an adapter says of itself that decides whether its matrices are of use. */
interface Claims {
  features: readonly string[];
  subgroupMinSize: number;
  subgroupMaxSize: number;
  subgroupMatrixConfigs: readonly object[];
  maxComputeWorkgroupStorageSize: number;
}

/** Another configuration of matrices than ours first, as adapters list several. */
export const MATRIX_CONFIGS = [
  { componentType: 'u8', resultComponentType: 'u32', M: 16, N: 16, K: 32 },
  { componentType: 'i8', resultComponentType: 'i32', M: 16, N: 16, K: 32 },
] as const;

/** A GPU whose adapter says that it has them, but for what it says otherwise. */
export function withMatrices(gpu: GPU, otherwise: Partial<Claims> = {}): GPU {
  const {
    features = ['subgroups', FEATURE],
    subgroupMinSize = 32,
    subgroupMaxSize = 32,
    subgroupMatrixConfigs = MATRIX_CONFIGS,
    maxComputeWorkgroupStorageSize = 49_152,
  } = otherwise;
  const requestAdapter = async (options?: GPURequestAdapterOptions) => {
    const adapter = await gpu.requestAdapter(options);
    if (!adapter) return null;
    const requestDevice = async (descriptor: GPUDeviceDescriptor = {}): Promise<GPUDevice> => {
      const wanted = [...(descriptor.requiredFeatures ?? [])] as string[];
      const device = await adapter.requestDevice({
        ...descriptor,
        requiredFeatures: wanted.filter((name) => name !== FEATURE) as GPUFeatureName[],
        requiredLimits: { ...descriptor.requiredLimits, maxComputeWorkgroupStorageSize: STORAGE },
      });
      return emulating(device, wanted);
    };
    const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
    const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX } = adapter.limits;
    const { vendor, architecture, device, description } = adapter.info;
    const matrices = { subgroupMinSize, subgroupMaxSize, subgroupMatrixConfigs };
    return {
      features: new Set(features.filter((name) => name === FEATURE || adapter.features.has(name))),
      limits: {
        maxBufferSize,
        maxStorageBufferBindingSize,
        maxComputeInvocationsPerWorkgroup,
        maxComputeWorkgroupSizeX,
        maxComputeWorkgroupStorageSize,
      },
      info: { vendor, architecture, device, description, ...matrices },
      requestDevice,
    } as unknown as GPUAdapter;
  };
  const { wgslLanguageFeatures } = gpu;
  return { requestAdapter, wgslLanguageFeatures } as unknown as GPU;
}

/** The device may be one that others have: what it says of itself is what was last asked for. */
function emulating(device: GPUDevice, features: readonly string[]): GPUDevice {
  const createShaderModule = device.createShaderModule.bind(device);
  device.createShaderModule = (descriptor) => createShaderModule({ ...descriptor, code: emulated(descriptor.code) });
  Object.defineProperty(device, 'features', { value: new Set(features), configurable: true });
  return device;
}

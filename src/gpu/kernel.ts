import { BambaError } from '../errors.ts';
import type { GpuFeatures } from './device.ts';
import { settled } from './device-faults.ts';

export type ParamType = 'u32' | 'f32';

/**
 * The declaration of a kernel about its WGSL file. Group 0 has `Params` (when it has any) at binding 0, then `reads`,
 * then `writes`, in this order. Group 1 has the shared `Step` uniform at binding 0 (when `step`). A test compares it
 * with the file.
 */
export interface Kernel {
  /** snake_case: the WGSL file, its entry point, the pipeline's label. */
  readonly name: string;
  /** The WGSL file as it is. Its first line may name library files: `// uses: lib/reduce.wgsl, lib/math.wgsl`. */
  readonly code: string;
  /** Members of `Params`, each 4 bytes, in order. */
  readonly params: Readonly<Record<string, ParamType>>;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Overrides that the dispatch sets. */
  readonly constants: readonly string[];
  /** Whether it reads the `Step` uniform; of kernels with `slots`, those of all sequences. */
  readonly step: boolean;
  /**
   * Of a kernel that can be for several sequences, which z of the grid counts: buffers that each has its own range of, and
   * for each the parameter that says how far the next one's is, in elements of so many bytes. For one sequence it is 0.
   */
  readonly slots?: Readonly<Record<string, { readonly stride: string; readonly bytes: number }>>;
}

/** Declares a kernel. */
export function defineKernel(kernel: Kernel): Kernel {
  return kernel;
}

/** Bytes of the `Params` struct. */
export function paramsBytes(kernel: Kernel): number {
  return Object.keys(kernel.params).length * 4;
}

/** Writes parameter values in the order of the declaration. */
export function packParams(kernel: Kernel, values: Readonly<Record<string, number>>): ArrayBuffer {
  const names = Object.keys(kernel.params);
  const view = new DataView(new ArrayBuffer(names.length * 4));
  const strides = Object.values(kernel.slots ?? {}).map(({ stride }) => stride);
  for (const [index, name] of names.entries()) {
    const value = values[name] ?? (strides.includes(name) ? 0 : undefined);
    if (value === undefined || Number.isNaN(value)) {
      throw new BambaError('gpu_failure', `Kernel ${kernel.name} was given no value for its parameter ${name}.`);
    }
    if (kernel.params[name] === 'f32') view.setFloat32(index * 4, value, true);
    else view.setUint32(index * 4, value, true);
  }
  return view.buffer;
}

/** Library files by the name that `// uses:` lines say. */
export type ShaderLibrary = Readonly<Record<string, string>>;

/** What selects among the library's variants: how the matrix or the cache is stored, and the device's features. */
export interface Variant {
  /**
   * A scheme of weights, or a type of the cache. A file that the library does not have, as `lib/weight.wgsl`, becomes that
   * of the scheme: `lib/weight_int8.wgsl`.
   */
  scheme?: string;
  /** `lib/reduce.wgsl` becomes `lib/subgroup/reduce.wgsl` where that exists. */
  subgroups: boolean;
  /** The alias `elem` is f16. */
  f16: boolean;
  /** `lib/bytes.wgsl` becomes `lib/packed/bytes.wgsl`. */
  byteProducts?: boolean;
  /** `lib/matvec.wgsl` becomes `lib/fixed/matvec.wgsl`, which takes subgroups and products of bytes. */
  fixedPoint?: boolean;
}

/** The variant for a device. */
export function variantFor(features: GpuFeatures, scheme?: string): Variant {
  const { subgroups, f16, byteProducts } = features;
  return { subgroups, f16, byteProducts, ...(scheme === undefined ? {} : { scheme }) };
}

function textOf(file: string, library: ShaderLibrary): string {
  const text = library[file];
  if (text === undefined) throw new BambaError('gpu_failure', `Shader library file ${file} is missing.`);
  return text;
}

/** The file that stands for `name` where a matrix is of this scheme. */
function ofScheme(name: string, scheme: string): string {
  return name.replace('.wgsl', `_${scheme}.wgsl`);
}

/** Library files by the names that the first line says. */
function usedFiles(code: string): string[] {
  return /^\/\/ uses: (.*)\n/.exec(code)?.[1]?.split(', ') ?? [];
}

/** The lines that declare overrides. */
const OVERRIDE = /^override .*\n/gm;

/**
 * The complete WGSL of a variant: directives, the kernel's overrides, the library files that it uses, the kernel. Overrides
 * come first because Firefox 153 dies of an array whose size is computed from one that is declared further down.
 * @throws BambaError `gpu_failure` where the library lacks a file.
 */
export function assemble(kernel: Kernel, variant: Variant, library: ShaderLibrary): string {
  const { code } = kernel;
  let needsSubgroups = false;
  const parts = usedFiles(code).map((name) => {
    let file = library[name] === undefined ? ofScheme(name, variant.scheme ?? '') : name;
    const subgroupFile = file.replace('lib/', 'lib/subgroup/');
    if (variant.subgroups && library[subgroupFile] !== undefined) {
      file = subgroupFile;
      needsSubgroups = true;
    }
    const packedFile = file.replace('lib/', 'lib/packed/');
    if (variant.byteProducts && library[packedFile] !== undefined) file = packedFile;
    const fixedFile = file.replace('lib/', 'lib/fixed/');
    if (variant.fixedPoint && library[fixedFile] !== undefined) file = fixedFile;
    return `// ---- ${file}\n${textOf(file, library)}`;
  });
  const usesElem = [code, ...parts].some((text) => /\belem\b/.test(text));
  const usesMatrices = parts.some((text) => text.includes('subgroup_matrix_left<'));
  const prelude = [
    needsSubgroups || usesMatrices ? 'enable subgroups;' : '',
    usesMatrices ? 'enable chromium_experimental_subgroup_matrix;' : '',
    usesElem && variant.f16 ? 'enable f16;' : '',
    usesElem ? `alias elem = ${variant.f16 ? 'f16' : 'f32'};` : '',
  ].filter((line) => line !== '');
  const overrides = code.match(OVERRIDE) ?? [];
  return [...prelude, ...overrides.map((line) => line.trimEnd()), ...parts, code.replaceAll(OVERRIDE, '')].join('\n');
}

/** A shader of a complete source, and its pipelines by override values. */
interface Program {
  readonly module: GPUShaderModule;
  readonly pipelines: Map<string, Promise<GPUComputePipeline>>;
}

/** Compiles pipelines, each distinct (source, override values) once, in parallel. */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #library: ShaderLibrary;
  /** By source: a map hashes it, and tells sources of one hash apart. */
  readonly #programs = new Map<string, Program>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #sources = new Map<Kernel, Map<string, string>>();

  constructor(device: GPUDevice, library: ShaderLibrary) {
    this.#device = device;
    this.#library = library;
  }

  /**
   * The pipeline of a kernel's variant with the given override values.
   * @throws BambaError `gpu_failure` with the compiler's messages and the numbered source; `device_lost`, `disposed`.
   */
  pipeline(kernel: Kernel, variant: Variant, constants: Readonly<Record<string, number>>): Promise<GPUComputePipeline> {
    const source = this.#source(kernel, variant);
    let program = this.#programs.get(source);
    if (!program) {
      const module = this.#device.createShaderModule({ label: kernel.name, code: source });
      this.#programs.set(source, (program = { module, pipelines: new Map<string, Promise<GPUComputePipeline>>() }));
    }
    const key = JSON.stringify(constants);
    let pipeline = program.pipelines.get(key);
    if (!pipeline) program.pipelines.set(key, (pipeline = this.#compile(kernel, source, program.module, constants)));
    return pipeline;
  }

  #source(kernel: Kernel, variant: Variant): string {
    const key = JSON.stringify(variant);
    let sources = this.#sources.get(kernel);
    if (!sources) this.#sources.set(kernel, (sources = new Map<string, string>()));
    let source = sources.get(key);
    if (source === undefined) sources.set(key, (source = assemble(kernel, variant, this.#library)));
    return source;
  }

  async #compile(
    kernel: Kernel,
    source: string,
    module: GPUShaderModule,
    constants: Readonly<Record<string, number>>,
  ): Promise<GPUComputePipeline> {
    try {
      const compiling = this.#device.createComputePipelineAsync({
        label: kernel.name,
        layout: this.#device.createPipelineLayout({
          label: kernel.name,
          bindGroupLayouts: kernel.step ? [this.layout(kernel), this.stepLayout()] : [this.layout(kernel)],
        }),
        compute: { module, entryPoint: kernel.name, constants: { ...constants } },
      });
      return await settled(this.#device, compiling, `The shader ${kernel.name} does not compile`);
    } catch (error) {
      throw await this.#refusal(kernel, source, module, error as BambaError);
    }
  }

  /** Why a pipeline could not be made: the loss of the device, or what the compiler says. */
  async #refusal(kernel: Kernel, source: string, module: GPUShaderModule, fault: BambaError): Promise<BambaError> {
    if (fault.code !== 'gpu_failure') return fault;
    const { cause } = fault;
    const info = await settled(this.#device, module.getCompilationInfo(), fault.message).catch(() => null);
    const report = (info?.messages ?? []).map(({ lineNum, linePos, message }) => `  ${lineNum}:${linePos} ${message}`);
    const numbered = source.split('\n').map((line, index) => `${String(index + 1).padStart(4)} ${line}`);
    const sentence = `The shader ${kernel.name} does not compile on this adapter: ${(cause as Error).message}`;
    // A compiler that says nothing leaves the sentence alone.
    const lines = report.length > 0 ? [sentence, ...report, ...numbered] : [sentence];
    return new BambaError('gpu_failure', lines.join('\n'), { cause });
  }

  /** Layout of group 0 of a kernel. */
  layout(kernel: Kernel): GPUBindGroupLayout {
    const hasParams = paramsBytes(kernel) > 0;
    const types: GPUBufferBindingType[] = [
      ...(hasParams ? (['uniform'] as const) : []),
      ...kernel.reads.map(() => 'read-only-storage' as const),
      ...kernel.writes.map(() => 'storage' as const),
    ];
    const first = hasParams ? 0 : 1;
    return this.#layout(
      types.map((type, index) => ({ binding: first + index, visibility: GPUShaderStage.COMPUTE, buffer: { type } })),
    );
  }

  /** Layout of group 1: the `Step` uniform. */
  stepLayout(): GPUBindGroupLayout {
    return this.#layout([{ binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: 'uniform' } }]);
  }

  #layout(entries: GPUBindGroupLayoutEntry[]): GPUBindGroupLayout {
    const key = JSON.stringify(entries);
    let layout = this.#layouts.get(key);
    if (!layout) {
      layout = this.#device.createBindGroupLayout({ entries });
      this.#layouts.set(key, layout);
    }
    return layout;
  }
}

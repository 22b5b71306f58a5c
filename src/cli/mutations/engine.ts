import type { Mutation } from './mutation.ts';

const SETTINGS = {
  file: 'src/kernels/sampling/sampling-settings.ts',
  test: 'src/kernels/sampling/sampling-settings.test.ts',
};
const STOP = { file: 'src/generate/stop.ts', test: 'src/generate/stop.test.ts' };
const CONVERSATIONS = 'src/engine/states/conversations.gpu.test.ts';

/** Faults in sampling's host, in weights, storage and the engine. */
export const ENGINE_MUTATIONS: readonly Mutation[] = [
  {
    name: 'top-p is rounded up',
    ...SETTINGS,
    find: 'Math.floor(values.topP * 2 ** 32)',
    replace: 'Math.ceil(values.topP * 2 ** 32 + 1)',
  },
  {
    name: 'the seed is one off',
    ...SETTINGS,
    find: 'view.setUint32(28, values.seed, true);',
    replace: 'view.setUint32(28, values.seed + 1, true);',
  },
  {
    name: 'a frequency penalty alone is passed over',
    ...SETTINGS,
    find: 'presencePenalty !== 0 || frequencyPenalty !== 0;',
    replace: 'presencePenalty !== 0;',
  },
  {
    name: 'of two stop strings the one that begins first counts',
    ...STOP,
    find: 'if (first === null || end < first.end || (end === first.end && start < first.start)) first',
    replace: 'if (first === null || start < first.start) first',
  },
  {
    name: 'half a stop string goes out',
    ...STOP,
    find: 'length > longest; length--) {',
    replace: 'length > longest + 1; length--) {',
  },
  {
    name: 'a snapshot is restored without its last keys',
    file: 'src/model/state.ts',
    find: 'this.#cache.copyFrom(other.#cache, other.position);',
    replace: 'this.#cache.copyFrom(other.#cache, Math.max(0, other.position - 1));',
    test: 'src/model/sequence-cache.gpu.test.ts',
  },
  {
    name: 'a grown cache forgets what it held',
    file: 'src/model/sequence-cache.ts',
    find: 'this.#copy(old, Infinity);',
    replace: 'this.#copy(old, 0);',
    test: 'src/engine/answers/answers.gpu.test.ts',
    only: 'outgrows the attention cache',
  },
  {
    name: 'a snapshot keeps the logits of another time',
    file: 'src/model/snapshot.ts',
    find: 'encoder.copyBufferToBuffer(this.#logits.buffer, 0, logits, 0, logits.size);',
    replace: 'encoder.copyBufferToBuffer(this.#logits.buffer, 0, logits, 0, 4);',
    test: CONVERSATIONS,
  },
  {
    name: 'a prefix with another last token counts as known',
    file: 'src/generate/state-tree.ts',
    find: 'commonLength(prefix, ids) === prefix.length',
    replace: 'commonLength(prefix, ids) >= prefix.length - 1',
    test: 'src/generate/state-cache.test.ts',
  },
  {
    name: 'f16 is rounded towards zero',
    file: 'src/weights/quantize-row.ts',
    find: 'out[to] = sign | ((rest + 0xfff + ((rest >>> 13) & 1)) >>> 13);',
    replace: 'out[to] = sign | (rest >>> 13);',
    test: 'src/weights/quantize.test.ts',
  },
  {
    name: 'ties of e4m3 go up',
    file: 'src/weights/quantize-row.ts',
    find: 'const code = (rest + 0xffff + ((rest >>> 17) & 1)) >>> 17;',
    replace: 'const code = (rest + 0x10000) >>> 17;',
    test: 'src/weights/quantize.test.ts',
  },
  {
    name: 'a weight of zero is half a step of int4',
    file: 'src/weights/int4.ts',
    find: 'const round = hasZero ? whole : halves;',
    replace: 'const round = halves;',
    test: 'src/weights/quantize.test.ts',
  },
  {
    name: 'a subnormal f16 is read as a normal one',
    file: 'src/weights/half.ts',
    find: 'const magnitude = exponent === 0 ? fraction * 2 ** (1 - bias)',
    replace: 'const magnitude = exponent === 0 ? fraction * 2 ** -bias',
    test: 'src/weights/half.test.ts',
  },
  {
    name: 'a transaction that failed in the middle keeps its first half',
    file: 'src/storage/store/database.ts',
    find: '      abort(transaction);\n      throw error;',
    replace: '      throw error;',
    test: 'src/storage/store/store.test.ts',
  },
  {
    name: 'a part of a file is taken from wherever it begins',
    file: 'src/storage/remote/fetch.ts',
    find: 'return { begin: Number(first),',
    replace: 'return { begin: 0 * Number(first),',
    test: 'src/storage/remote/lying-servers.test.ts',
  },
  {
    name: 'a budget of snapshots is exceeded by one',
    file: 'src/generate/eviction.ts',
    find: 'while (bytes > room.bytes ||',
    replace: 'while (bytes - coming.bytes > room.bytes ||',
    test: 'src/generate/eviction.test.ts',
  },
  {
    name: 'ends of prompts go before the states inside of a chat',
    file: 'src/generate/eviction.ts',
    find: 'const interior = [...staying].filter((one) => !anchors.has(one));',
    replace: 'const interior = [...staying].filter((one) => anchors.has(one));',
    test: 'src/generate/eviction.test.ts',
  },
  {
    name: 'a state is kept one token behind the cut that it is named by',
    file: 'src/model/chunks.ts',
    find: 'Math.min(first + chunkTokens, end)',
    replace: 'Math.min(first + chunkTokens, end + 1)',
    test: 'src/model/chunks.test.ts',
  },
  {
    name: 'an absent tie_word_embeddings of falcon_mamba is false',
    file: 'src/architecture/families/defaults.ts',
    find: "    state_size: 16,\n    tie_word_embeddings: true,\n    time_step_rank: 'auto',\n    use_bias: false,\n    use_conv_bias: true,\n    vocab_size: 50_280,",
    replace:
      "    state_size: 16,\n    tie_word_embeddings: false,\n    time_step_rank: 'auto',\n    use_bias: false,\n    use_conv_bias: true,\n    vocab_size: 50_280,",
    test: 'src/architecture/families/defaults.test.ts',
  },
  {
    name: 'Zamba2 norms all groups as one',
    file: 'src/architecture/families/zamba2.ts',
    find: 'normGroups: (groups) => groups,',
    replace: 'normGroups: () => 1,',
    test: 'src/cli/verify/goldens.gpu.test.ts',
    only: 'zamba2-groups',
  },
  {
    name: 'decode of one token has a skip that is 5 % too large, in a whole model',
    file: 'shaders/mamba2/conv1d_selective_state_update_gate_to_norm.wgsl',
    find: 'let skip = heads[2 * params.heads + head];',
    replace: 'let skip = 1.05 * heads[2 * params.heads + head];',
    test: 'src/cli/verify/goldens.gpu.test.ts',
    only: 'bamba-short',
  },
  {
    name: 'chunks of a stream lack their null usage',
    file: 'src/api/openai.ts',
    find: '    const common = { ...head, object, ...(parsed.includeUsage && { usage: null }) } as const;\n    const begun',
    replace: '    const common = { ...head, object } as const;\n    const begun',
    test: 'src/api/openai.test.ts',
  },
  {
    name: 'a template may take ten thousand times the steps',
    file: 'src/text/jinja/budget.ts',
    find: 'export const MAX_STEPS = 20_000_000;',
    replace: 'export const MAX_STEPS = 20_000_000 * 10_000;',
    test: 'src/text/jinja/jinja.test.ts',
  },
];

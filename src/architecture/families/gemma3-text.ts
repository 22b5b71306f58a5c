import type { TensorSpec } from '../../weights/types.ts';
import { readActivation } from '../activation-config.ts';
import type { Architecture, Rope } from '../architecture.ts';
import { readBiases } from '../biases-config.ts';
import { ConfigReader } from '../config-reader.ts';
import { blockCount, denseArchitecture, denseTensors, normNames, readWindows } from '../dense.ts';
import { readCap } from '../gemma-config.ts';
import { requireFixed } from '../mamba2-config.ts';
import { readRope } from '../rope.ts';

// model_type `gemma3_text`: Gemma 3 without images. Gemma 2's blocks with norms of q and k over each head; five of six have a
// window, and turn faster than the others.

/** The last of so many blocks has no window, where the config does not say: it was a constant. */
const PATTERN = 6;

/**
 * Architecture that the config of a Gemma 3 model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  requireFixed(config, { use_bidirectional_attention: false });
  const scoreCap = readCap(config, 'attn_logit_softcapping');
  const logitCap = readCap(config, 'final_logit_softcapping');
  const pattern =
    config.optionalCount('sliding_window_pattern') ?? config.optionalCount('_sliding_window_pattern') ?? PATTERN;
  const windows = readWindows(config, (block) => (block + 1) % pattern !== 0);
  // Newer configs have options for each sort of layer.
  const ropes = config.child('rope_parameters');
  const architecture = denseArchitecture(config, {
    family: 'gemma3_text',
    rotary: { share: 1, options: ropes?.child('full_attention') },
    scale: 1 / Math.sqrt(config.number('query_pre_attn_scalar', { above: 0 })),
    ...readActivation(config, ['hidden_activation', 'hidden_act'], 'silu'),
    ...readBiases(config, { attention_bias: ['qkv', 'o_proj'] }),
    normPlaces: Array.from({ length: blockCount(config) }, () => 'both' as const),
    embeddingScale: Math.sqrt(config.count('hidden_size')),
    attention: { qkNorm: 'head', ...(scoreCap !== undefined && { scoreCap }) },
    ...(logitCap !== undefined && { logitCap }),
    layers: windows.map((has) => ({ window: has, rope: has ? 'local' : 'main' })),
    window: config.count('sliding_window'),
  });
  if (!windows.includes(true)) return architecture;
  const { attention } = architecture;
  return { ...architecture, attention: { ...attention!, localRope: localRope(config, ropes, attention!.headDim) } };
}

/** The rotary embedding of blocks with a window. */
function localRope(config: ConfigReader, ropes: ConfigReader | undefined, dims: number): Rope {
  const base = config.number('rope_local_base_freq', { above: 1 });
  const options = ropes?.child('sliding_attention') ?? new ConfigReader({});
  const trainedPositions = config.count('max_position_embeddings');
  return readRope(new ConfigReader({}), { dims, base, trainedPositions, options }).rope;
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture): TensorSpec[] {
  return denseTensors(architecture, {
    attention: { normsFromOne: true },
    norm: normNames({ mixer: 'input_layernorm', mlp: 'pre_feedforward_layernorm' }),
    postNorm: normNames({ mixer: 'post_attention_layernorm', mlp: 'post_feedforward_layernorm' }),
    normsFromOne: true,
  });
}

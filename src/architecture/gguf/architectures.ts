import { BambaError } from '../../errors.ts';
import type { GgufModel } from './common.ts';
import type { GgufFacts } from './facts.ts';
import { gemma2, gemma3 } from './gemma.ts';
import { granite, graniteHybrid, graniteMoe } from './granite.ts';
import { falconH1, jamba, mamba1, mamba2, nemotronH, nemotronHMoe } from './hybrids.ts';
import { lfm2, lfm2Moe } from './lfm2.ts';
import { qwen35, qwen35Moe, qwen3Next } from './qwen-hybrid.ts';
import { llama, olmo, olmo2, phi3, qwen2, qwen3, smollm3 } from './transformers.ts';

// The architectures of GGUF files by name, and their form in a checkpoint: config.json and the names of tensors.

/** By `general.architecture`. */
const ARCHITECTURES: Readonly<Record<string, (facts: GgufFacts) => GgufModel>> = {
  'falcon-h1': falconH1,
  gemma2,
  gemma3,
  granite,
  granitehybrid: graniteHybrid,
  granitemoe: graniteMoe,
  jamba,
  lfm2,
  lfm2moe: lfm2Moe,
  llama,
  mamba: mamba1,
  mamba2,
  nemotron_h: nemotronH,
  nemotron_h_moe: nemotronHMoe,
  olmo,
  olmo2,
  phi3,
  qwen2,
  qwen3,
  qwen35,
  qwen35moe: qwen35Moe,
  qwen3next: qwen3Next,
  smollm3,
};

/** Names of the architectures that can be read. */
export const GGUF_ARCHITECTURES: readonly string[] = Object.keys(ARCHITECTURES);

/**
 * The model that a file describes.
 * @throws BambaError `config_invalid` with the key, `checkpoint_invalid`, `unsupported_model`.
 */
export function ggufModel(facts: GgufFacts): GgufModel {
  const { metadata } = facts;
  const { architecture, file } = metadata;
  if (metadata.has('split.count') && metadata.number('split.count') > 1) {
    const hint = 'Join its parts into one file first, with `llama-gguf-split --merge`.';
    throw new BambaError('unsupported_model', `${file} is one of ${metadata.number('split.count')} parts. ${hint}`);
  }
  const read = Object.hasOwn(ARCHITECTURES, architecture) ? ARCHITECTURES[architecture] : undefined;
  if (read) return read(facts);
  throw new BambaError(
    'unsupported_model',
    `${file} has general.architecture ${JSON.stringify(architecture).slice(0, 60)}; GGUF files can have ` +
      `${GGUF_ARCHITECTURES.join(', ')}. Load the model's checkpoint in safetensors format, or another model.`,
  );
}

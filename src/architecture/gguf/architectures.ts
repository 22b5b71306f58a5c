import { BambaError } from '../../errors.ts';
import type { GgufModel } from './common.ts';
import type { GgufFacts } from './facts.ts';
import { falconH1, graniteHybrid, mamba1, mamba2, nemotronH } from './hybrids.ts';
import { gemma3, llama } from './transformers.ts';

// What GGUF files call an architecture, and what it is in a checkpoint: its config.json and its tensors' names.

/** By `general.architecture`. */
const ARCHITECTURES: Readonly<Record<string, (facts: GgufFacts) => GgufModel>> = {
  'falcon-h1': falconH1,
  gemma3,
  granitehybrid: graniteHybrid,
  llama,
  mamba: mamba1,
  mamba2,
  nemotron_h: nemotronH,
};

/**
 * What a file says of its model.
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
      `${Object.keys(ARCHITECTURES).join(', ')}. Load the model's checkpoint in safetensors format.`,
  );
}

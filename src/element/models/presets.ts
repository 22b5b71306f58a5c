// Models to choose from. Sizes are those of the published checkpoints, counted from their tensors; the licence is the one
// that its makers name. Everything else is read from the checkpoint itself.

import type { Scheme } from '../../engine/protocol.ts';
import type { Suggestion } from '../suggestions.ts';

/** A model as the picker shows it. */
export interface ModelPreset {
  /** As `createEngine` takes it: a repository `org/name`, or the address of a package. */
  model: string;
  /** As it is shown. */
  name: string;
  /** A description in one sentence. */
  about: string;
  /** As its makers name it. */
  licence: string;
  /** How many parameters it has. */
  parameters: number;
  /** Bytes of the download. */
  downloadBytes: number;
  /** Bytes in the browser and on the GPU, by type; the type to begin with first. */
  sizes: Partial<Record<Scheme, number>>;
  /** Bytes of one conversation on the GPU beside the weights, without keys and values. */
  stateBytes: number;
  /** False where it only continues text. */
  chats: boolean;
  /** Nobody has run it here with its own weights yet; its architecture is tested with others. */
  untried?: boolean;
  /** Questions that show what it is good at, offered in an empty chat with it. */
  suggestions?: readonly Suggestion[];
}

const GB = 1e9;
const MIB = 2 ** 20;

/** Hybrids on the Hugging Face Hub that browsers have room for, the smallest first. */
export const PRESETS: readonly ModelPreset[] = [
  {
    model: 'tiiuae/Falcon-H1-Tiny-90M-Instruct',
    name: 'Falcon-H1 Tiny 90M',
    about: 'The smallest hybrid of all, to see whether this device runs them.',
    licence: 'Falcon LLM Licence',
    parameters: 91e6,
    downloadBytes: 0.18 * GB,
    sizes: { int8: 0.09 * GB, int4: 0.06 * GB },
    stateBytes: 5 * MIB,
    chats: true,
    untried: true,
  },
  {
    model: 'ibm-granite/granite-4.0-h-350m',
    name: 'Granite 4.0-H 350M',
    about: 'The smallest of IBM’s hybrids that follows instructions.',
    licence: 'Apache 2.0',
    parameters: 340e6,
    downloadBytes: 0.68 * GB,
    sizes: { int8: 0.35 * GB, int4: 0.22 * GB },
    stateBytes: 21 * MIB,
    chats: true,
    untried: true,
  },
  {
    model: 'LiquidAI/LFM2.5-350M',
    name: 'LFM2.5 350M',
    about: 'Short convolutions and few blocks of attention; a state of kilobytes.',
    licence: 'LFM Open License 1.0',
    parameters: 354e6,
    downloadBytes: 0.71 * GB,
    sizes: { int8: 0.36 * GB, int4: 0.23 * GB },
    stateBytes: 1 * MIB,
    chats: true,
    untried: true,
  },
  {
    model: 'AntonV/mamba2-370m-hf',
    name: 'Mamba-2 370M',
    about: 'No attention at all: the architecture alone, trained on English text. It continues text.',
    licence: 'Apache 2.0 (the conversion: MIT)',
    parameters: 368e6,
    downloadBytes: 0.74 * GB,
    sizes: { int8: 0.38 * GB, int4: 0.22 * GB },
    stateBytes: 48 * MIB,
    chats: false,
    untried: true,
  },
  {
    model: 'tiiuae/Falcon-H1-0.5B-Instruct',
    name: 'Falcon-H1 0.5B',
    about: 'Attention and Mamba-2 side by side in every block; 18 languages.',
    licence: 'Falcon LLM Licence',
    parameters: 521e6,
    downloadBytes: 1.04 * GB,
    sizes: { int8: 0.54 * GB, int4: 0.31 * GB },
    stateBytes: 27 * MIB,
    chats: true,
    untried: true,
  },
  {
    model: 'Qwen/Qwen3.5-0.8B',
    name: 'Qwen3.5 0.8B',
    about: 'Gated delta networks and attention; many languages. Its eyes are left out.',
    licence: 'Apache 2.0',
    parameters: 752e6,
    downloadBytes: 1.51 * GB,
    sizes: { int8: 0.76 * GB, int4: 0.54 * GB },
    stateBytes: 20 * MIB,
    chats: true,
    untried: true,
  },
  {
    model: 'LiquidAI/LFM2.5-1.2B-Instruct',
    name: 'LFM2.5 1.2B',
    about: 'The larger of the two with short convolutions; 8 languages.',
    licence: 'LFM Open License 1.0',
    parameters: 1.17e9,
    downloadBytes: 2.34 * GB,
    sizes: { int8: 1.18 * GB, int4: 0.72 * GB },
    stateBytes: 1 * MIB,
    chats: true,
    untried: true,
  },
  {
    model: 'Zyphra/Zamba2-1.2B-instruct',
    name: 'Zamba2 1.2B',
    about: 'Mamba-2 with one transformer that six blocks share.',
    licence: 'Apache 2.0',
    parameters: 1.215e9,
    downloadBytes: 2.43 * GB,
    sizes: { int8: 1.24 * GB, int4: 0.73 * GB },
    stateBytes: 79 * MIB,
    chats: true,
    untried: true,
  },
  {
    model: 'ibm-granite/granite-4.0-h-1b',
    name: 'Granite 4.0-H 1B',
    about: 'A good balance for a laptop.',
    licence: 'Apache 2.0',
    parameters: 1.462e9,
    downloadBytes: 2.92 * GB,
    sizes: { int8: 1.51 * GB, int4: 0.85 * GB },
    stateBytes: 54 * MIB,
    chats: true,
    untried: true,
  },
  {
    model: 'tiiuae/Falcon-H1-1.5B-Instruct',
    name: 'Falcon-H1 1.5B',
    about: 'The larger of the two Falcons; 18 languages.',
    licence: 'Falcon LLM Licence',
    parameters: 1.555e9,
    downloadBytes: 3.11 * GB,
    sizes: { int8: 1.6 * GB, int4: 0.96 * GB },
    stateBytes: 72 * MIB,
    chats: true,
    untried: true,
  },
  {
    model: 'Qwen/Qwen3.5-2B',
    name: 'Qwen3.5 2B',
    about: 'The larger of the two with gated delta networks. Its eyes are left out.',
    licence: 'Apache 2.0',
    parameters: 1.882e9,
    downloadBytes: 3.77 * GB,
    sizes: { int8: 1.89 * GB, int4: 1.29 * GB },
    stateBytes: 20 * MIB,
    chats: true,
    untried: true,
  },
  {
    model: 'ibm-granite/granite-4.0-h-micro',
    name: 'Granite 4.0-H Micro',
    about: 'Three billion parameters: in int4 for GPUs of 4 GB, in int8 for those of 8 GB.',
    licence: 'Apache 2.0',
    parameters: 3.191e9,
    downloadBytes: 6.38 * GB,
    sizes: { int4: 1.8 * GB, int8: 3.29 * GB },
    stateBytes: 72 * MIB,
    chats: true,
    untried: true,
  },
  {
    model: 'nvidia/NVIDIA-Nemotron-3-Nano-4B-BF16',
    name: 'Nemotron 3 Nano 4B',
    about: 'It thinks before it answers; four blocks of attention among forty-two.',
    licence: 'NVIDIA Nemotron Open Model License',
    parameters: 3.974e9,
    downloadBytes: 7.95 * GB,
    sizes: { int4: 2.6 * GB, int8: 3.98 * GB },
    stateBytes: 82 * MIB,
    chats: true,
    untried: true,
  },
  {
    model: 'ibm-ai-platform/Bamba-9B-v2',
    name: 'Bamba 9B v2',
    about: 'The model this library is named after. It continues text, and wants a GPU of 8 GB and patience.',
    licence: 'Apache 2.0',
    parameters: 9.78e9,
    downloadBytes: 19.6 * GB,
    sizes: { int4: 5.7 * GB, int8: 10.1 * GB },
    stateBytes: 116 * MIB,
    chats: false,
    untried: true,
  },
];

import { BambaError } from '../errors.ts';
import type { Architecture } from '../model/architecture.ts';
import type { ByteSource } from '../weights/byte-source.ts';
import { headerLength, parseHeader } from '../weights/safetensors.ts';

/** Results of the reference implementation, as golden.safetensors beside a checkpoint has them. */
export interface Golden {
  inputIds: number[];
  /** Positions whose logits and hidden states are kept: R of them. */
  logitPositions: number[];
  /** (R, V) */
  logits: Float32Array;
  /** After embedding, after each block, the last one normed: each (R, C). */
  hidden: Float32Array[];
  greedy: number[];
  greedyMargin: number[];
  /** By block, after the prompt. */
  states: Map<number, { conv?: Float32Array; ssm?: Float32Array; keyLast?: Float32Array; valueLast?: Float32Array }>;
}

const FILE = 'golden.safetensors';
const STATE_NAMES = { conv: 'conv', ssm: 'ssm', key_last: 'keyLast', value_last: 'valueLast' } as const;

/** @throws BambaError `checkpoint_invalid` where there is none, or a part is missing. */
export async function readGolden(source: ByteSource): Promise<Golden> {
  const size = await source.size(FILE);
  if (size === null) throw new BambaError('checkpoint_invalid', `There is no ${FILE} to compare with.`);
  const length = headerLength(FILE, size, await source.read(FILE, 0, 8));
  const tensors = new Map(
    parseHeader(FILE, size, await source.read(FILE, 8, 8 + length)).map((info) => [info.name, info]),
  );
  const bytes = async (name: string, dtype: string): Promise<ArrayBuffer> => {
    const info = tensors.get(name);
    if (!info || info.dtype !== dtype) {
      throw new BambaError('checkpoint_invalid', `${FILE} has no tensor ${name} of type ${dtype}.`);
    }
    return (await source.read(FILE, info.begin, info.end)).slice().buffer;
  };
  const floats = async (name: string) => new Float32Array(await bytes(name, 'F32'));
  const integers = async (name: string) => [...new Int32Array(await bytes(name, 'I32'))];

  const golden: Golden = {
    inputIds: await integers('input_ids'),
    logitPositions: await integers('logit_positions'),
    logits: await floats('logits'),
    hidden: [],
    greedy: await integers('greedy'),
    greedyMargin: [...(await floats('greedy_margin'))],
    states: new Map(),
  };
  while (tensors.has(`hidden.${golden.hidden.length}`)) {
    golden.hidden.push(await floats(`hidden.${golden.hidden.length}`));
  }
  for (const name of tensors.keys()) {
    const [, block, part] = /^state\.(\d+)\.(conv|ssm|key_last|value_last)$/.exec(name) ?? [];
    if (block === undefined) continue;
    const state = golden.states.get(Number(block)) ?? {};
    state[STATE_NAMES[part as keyof typeof STATE_NAMES]] = await floats(name);
    golden.states.set(Number(block), state);
  }
  return golden;
}

/**
 * Which of a model's hidden states a golden's is: the embeddings, what comes out of each block, and that normed. The reference implementation gives, of most families, what goes into
 * each block and what the final norm leaves; of pure Mamba models what comes out of each block, and the same.
 */
export function goldenStage({ family, blocks }: Pick<Architecture, 'family' | 'blocks'>, index: number): number {
  if (index === blocks.length) return blocks.length + 1;
  return family === 'mamba2' || family === 'falcon_mamba' ? index + 1 : index;
}

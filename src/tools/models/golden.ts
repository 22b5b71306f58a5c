import { BambaError } from '../../errors.ts';
import type { Architecture } from '../../architecture/architecture.ts';
import type { ByteSource } from '../../weights/byte-source.ts';
import { headerLength, parseHeader } from '../../weights/safetensors.ts';

/** Parts of a block's state that goldens have. */
export const STATE_PARTS = ['conv', 'ssm', 'key_last', 'value_last'] as const;
export type StatePart = (typeof STATE_PARTS)[number];

/** Results of the reference implementation, as golden.safetensors beside a checkpoint has them. */
export interface Golden {
  inputIds: number[];
  /** Positions whose logits and hidden states are kept: R of them. */
  logitPositions: number[];
  /** (R, V) */
  logits: Float32Array;
  /** After embedding, after each block, the last one normed: each (R, C). Empty where the golden has none. */
  hidden: Float32Array[];
  /** Tokens of the greedy continuation; null where the golden has none. */
  greedy: number[] | null;
  /** Between best and second-best logit of each; null where the golden does not say. */
  greedyMargin: number[] | null;
  /** By block, after the prompt: conv (CD, K) raw inputs, the latest last; ssm; the last token's key and value (J, headDim). */
  states: Map<number, Partial<Record<StatePart, Float32Array>>>;
}

const FILE = 'golden.safetensors';

/**
 * Reads a golden. It has to have tokens, positions and logits; everything else may be absent.
 * @throws BambaError `checkpoint_invalid` where there is none, a part is missing, or one is not known.
 */
export async function readGolden(source: ByteSource): Promise<Golden> {
  const size = await source.size(FILE);
  if (size === null) throw new BambaError('checkpoint_invalid', `There is no ${FILE} to compare with.`);
  const length = headerLength(FILE, size, await source.read(FILE, 0, 8));
  const tensors = new Map(
    parseHeader(FILE, size, await source.read(FILE, 8, 8 + length)).map((info) => [info.name, info]),
  );
  const bytes = async (name: string, dtype: string): Promise<ArrayBuffer> => {
    const info = tensors.get(name);
    if (!info || info.dtype !== dtype) throw invalid(`has no tensor ${name} of type ${dtype}`);
    return (await source.read(FILE, info.begin, info.end)).slice().buffer;
  };
  const floats = async (name: string) => new Float32Array(await bytes(name, 'F32'));
  const integers = async (name: string) => [...new Int32Array(await bytes(name, 'I32'))];

  const golden: Golden = {
    inputIds: await integers('input_ids'),
    logitPositions: await integers('logit_positions'),
    logits: await floats('logits'),
    hidden: [],
    greedy: tensors.has('greedy') ? await integers('greedy') : null,
    greedyMargin: tensors.has('greedy_margin') ? [...(await floats('greedy_margin'))] : null,
    states: new Map(),
  };
  checkPositions(golden);
  while (tensors.has(`hidden.${golden.hidden.length}`)) {
    golden.hidden.push(await floats(`hidden.${golden.hidden.length}`));
  }
  for (const name of tensors.keys()) {
    if (!name.startsWith('state.')) continue;
    const [, block, part] = /^state\.(\d+)\.(.+)$/.exec(name) ?? [];
    const known = STATE_PARTS.find((one) => one === part);
    if (block === undefined || !known) throw invalid(`has ${name}, which is no state that can be compared`);
    const state = golden.states.get(Number(block)) ?? {};
    state[known] = await floats(name);
    golden.states.set(Number(block), state);
  }
  return golden;
}

function checkPositions({ inputIds, logitPositions, logits }: Golden): void {
  if (inputIds.length === 0 || logitPositions.length === 0 || logits.length === 0) {
    throw invalid('has no tokens, or no logits, to compare');
  }
  const beyond = logitPositions.find((position) => position < 0 || position >= inputIds.length);
  if (beyond !== undefined) throw invalid(`has logits of position ${beyond}, beyond its ${inputIds.length} tokens`);
}

/** The error for a golden that cannot be compared. */
export function invalid(problem: string): BambaError {
  return new BambaError('checkpoint_invalid', `${FILE} ${problem}. Make it anew.`);
}

/**
 * Which of a model's hidden states a golden's is: the embeddings, what comes out of each block, and that normed. Of most
 * families, the reference implementation gives each block's input and the final norm's output. Of pure Mamba models it gives
 * each block's output, and the same.
 */
export function goldenStage({ family, blocks }: Pick<Architecture, 'family' | 'blocks'>, index: number): number {
  if (index === blocks.length) return blocks.length + 1;
  return ['mamba', 'mamba2', 'falcon_mamba'].includes(family) ? index + 1 : index;
}

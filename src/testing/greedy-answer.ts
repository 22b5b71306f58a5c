import { forward } from '../reference/forward.ts';
import { argmax } from '../reference/sample.ts';
import type { Golden } from './golden.ts';
import { asciiIds, NO_SPECIAL, spell } from './tiny-model.ts';

/** The likeliest text of so many tokens behind a prompt of ASCII, none of them special, by the reference in f64. */
export function greedyAnswer(
  { architecture, tensors }: Pick<Golden, 'architecture' | 'tensors'>,
  prompt: string,
  tokens: number,
): string {
  const ids = asciiIds(prompt);
  for (let token = 0; token < tokens; token++) {
    const logits = forward(architecture, tensors, ids).logits.slice(-architecture.vocabSize);
    for (const id of Object.keys(NO_SPECIAL)) logits[Number(id)] = -Infinity;
    ids.push(argmax(logits));
  }
  return ids.slice(-tokens).map(spell).join('');
}

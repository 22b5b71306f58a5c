import { forward } from '../../reference/forward.ts';
import { argmax } from '../../reference/sample.ts';
import type { Golden } from './golden.ts';
import { asciiIds, NO_SPECIAL, spell, TINY_EOS, tinyPrompt } from './tiny-model.ts';

type Model = Pick<Golden, 'architecture' | 'tensors'>;

/** The likeliest ids behind a prompt, without those that are barred, up to one that ends. */
function greedyIds(
  model: Model,
  prompt: readonly number[],
  tokens: number,
  barred: readonly number[],
  end = -1,
): number[] {
  const { architecture, tensors } = model;
  const ids = [...prompt];
  for (let token = 0; token < tokens && ids.at(-1) !== end; token++) {
    const logits = forward(architecture, tensors, ids).logits.slice(-architecture.vocabSize);
    for (const id of barred) logits[id] = -Infinity;
    ids.push(argmax(logits));
  }
  return ids.slice(prompt.length);
}

/** The likeliest text of so many tokens behind a prompt of ASCII, none of them special, by the reference in f64. */
export function greedyAnswer(model: Model, prompt: string, tokens: number): string {
  const special = Object.keys(NO_SPECIAL).map(Number);
  return greedyIds(model, asciiIds(prompt), tokens, special).map(spell).join('');
}

/** The likeliest answer of at most so many tokens to a question that a chat begins with, by the reference in f64. */
export function greedyReply(model: Model, question: string, tokens: number): string {
  const prompt = tinyPrompt([{ role: 'user', content: question }]);
  return greedyIds(model, prompt, tokens, [], TINY_EOS).map(spell).join('');
}

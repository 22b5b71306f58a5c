import { generateIds } from '../../generate/generate.ts';
import type { Model } from '../../model/model.ts';
import { GREEDY } from '../../sampling.ts';
import type { Greedy } from './expectation.ts';

/** Below this gap between best and second-best logit either choice is right. */
export const MARGIN = 1e-3;

/** How many tokens agree, of those that are decided, of all. */
export interface GreedyCount {
  equal: number;
  decided: number;
  tokens: number;
}

/**
 * Compares a greedy continuation as the engine makes it, by decode steps that run ahead. Where it leaves the reference, it
 * goes on from the reference's tokens, so that one tie does not spoil the rest.
 */
export async function compareGreedy(
  model: Model,
  inputIds: readonly number[],
  { ids: greedy, margins }: Greedy,
): Promise<GreedyCount> {
  const decided = greedy.map((_, index) => (margins[index] ?? Infinity) >= MARGIN);
  let equal = 0;
  for (let index = 0; index < greedy.length;) {
    model.state.reset();
    const promptIds = [...inputIds, ...greedy.slice(0, index)];
    await model.prefill(promptIds, { logits: true });
    const answer: number[] = [];
    const settings = { values: GREEDY, limit: greedy.length - index, stopIds: [], promptIds };
    for await (const { ids } of generateIds(model, settings)) answer.push(...ids);
    for (const id of answer) {
      const agrees = id === greedy[index];
      if (agrees && decided[index]) equal++;
      index++;
      if (!agrees) break;
    }
  }
  return { equal, decided: decided.filter(Boolean).length, tokens: greedy.length };
}

import type { Model } from '../model/model.ts';
import type { GenerationEvent } from './protocol.ts';

/** Runs the part of the prompt that the live sequence does not hold yet, reporting how far it is. */
export async function* readPrompt(
  model: Model,
  promptIds: readonly number[],
  cachedTokens: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<GenerationEvent, void> {
  const total = promptIds.length;
  const done: number[] = [];
  let wake = () => {};
  const running = model
    .prefill(promptIds.slice(cachedTokens), {
      logits: true,
      ...(signal ? { signal } : {}),
      onChunk: (tokens) => {
        done.push(cachedTokens + tokens);
        wake();
      },
    })
    .then(
      () => null,
      (error: unknown) => ({ error }),
    );
  yield { type: 'prefill', processed: cachedTokens, total };
  let fault: { error: unknown } | null | undefined;
  while (fault === undefined) {
    const chunk = new Promise<undefined>((resolve) => {
      wake = () => resolve(undefined);
    });
    // A chunk that was done while the event was being taken has woken nobody.
    fault = done.length > 0 ? undefined : await Promise.race([chunk, running]);
    for (const processed of done.splice(0)) yield { type: 'prefill', processed, total };
  }
  if (fault) throw fault.error;
}

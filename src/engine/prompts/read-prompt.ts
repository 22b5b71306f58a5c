import type { Cut } from '../../generate/cuts.ts';
import type { StateCache } from '../../generate/state-cache.ts';
import type { Model } from '../../model/model.ts';
import type { Hold } from '../answers/hold.ts';
import type { GenerationEvent } from '../protocol.ts';

/**
 * Runs the part of the prompt that the live sequence does not hold yet, reporting how far it is.
 * @param way `from` tokens are read already; `cuts` are the places behind them at which states are kept; others come between
 * chunks by `hold`
 * @throws BambaError `aborted`, and what `Model.prefill` throws
 */
export async function* readPrompt(
  model: Model,
  states: StateCache,
  promptIds: readonly number[],
  {
    from,
    cuts,
    hold,
    signal,
  }: { from: number; cuts: readonly Cut[]; hold: Pick<Hold, 'between'>; signal: AbortSignal | undefined },
): AsyncGenerator<GenerationEvent, void> {
  const total = promptIds.length;
  const kinds = new Map(cuts.map(({ at, kind }) => [at, kind]));
  const done: number[] = [];
  const left = new AbortController();
  const either = signal ? AbortSignal.any([signal, left.signal]) : left.signal;
  let wake = () => {};
  const running = model
    .prefill(promptIds.slice(from), {
      logits: true,
      signal: either,
      onChunk: (tokens) => {
        done.push(from + tokens);
        wake();
      },
      cuts: cuts.map(({ at }) => at - from),
      onCut: (tokens) => states.keep(kinds.get(from + tokens)!),
      between: () => hold.between(model.state.position, either),
    })
    .then(
      () => null,
      (error: unknown) => ({ error }),
    );
  try {
    yield { type: 'prefill', processed: from, total };
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
  } finally {
    // A reader that leaves in the middle leaves the model to the next request, which must not find it at work.
    left.abort();
    await running;
  }
}

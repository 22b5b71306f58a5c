import type { Engine, GenerationEvent, GenerationRequest } from '../engine/protocol.ts';
import { asBambaError, BambaError } from '../errors.ts';
import { merged } from './merge.ts';

/** How many requests are answered. */
export interface ManyOptions {
  /** Requests that are under way at once, at most; default `info.atOnce`, as many as the engine answers at once. */
  most?: number;
  /** Stops all answers, which then end with the reason `abort`; requests that were not begun are not. */
  signal?: AbortSignal;
}

/** What came of one of many requests. */
export type ManyEvent = {
  /** Its place among the requests, from 0 on. */
  index: number;
} & ({ event: GenerationEvent } | { error: BambaError });

/** See `BambaEngine.generateMany`. @throws BambaError `setting_invalid`. */
export async function* generateMany(
  engine: Engine,
  requests: Iterable<GenerationRequest> | AsyncIterable<GenerationRequest>,
  { most = engine.info.atOnce ?? 1, signal }: ManyOptions = {},
): AsyncGenerator<ManyEvent, void> {
  if (!Number.isSafeInteger(most) || most < 1) {
    throw new BambaError('setting_invalid', `most is ${most}; give a whole number from 1 on.`);
  }
  const leaving = new AbortController();
  const either = signal ? AbortSignal.any([signal, leaving.signal]) : leaving.signal;
  async function* answers(): AsyncGenerator<AsyncIterable<GenerationEvent>, void> {
    for await (const request of requests) {
      if (either.aborted) return;
      yield engine.generate(request, { signal: either });
    }
  }
  for await (const arrival of merged(answers(), most, () => leaving.abort())) {
    const { index } = arrival;
    if ('value' in arrival) yield { index, event: arrival.value };
    else if ('error' in arrival) yield { index, error: asBambaError(arrival.error) };
  }
}

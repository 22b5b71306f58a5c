import { feedReported } from './fed-tokens.ts';
import type { ChosenLogprob } from './logprobs.ts';
import type { Model } from '../model/model.ts';
import { Sampler, REPORTS_IN_FLIGHT, type AnswerSettings, type SamplerReport } from '../model/sampler.ts';

/** Steps submitted together take about so long: short enough to stop at once and to stream smoothly. */
const BATCH_MS = 12;

/** Steps to submit together where one takes so long; at least one. */
export function stepsTogether(stepMs: number): number {
  return Math.max(1, Math.min(Sampler.maxStepsPerReport, Math.floor(BATCH_MS / stepMs)));
}

/** New ids of an answer, and whether the sampler ended it with them. */
export interface AnswerPiece {
  ids: number[];
  ended: boolean;
  /** For each id, when they were asked for. */
  logprobs?: ChosenLogprob[];
  /** Where the step verified drafts. */
  drafts?: Drafts;
}

/** Tokens that were verified, and how many of them were right. */
export interface Drafts {
  accepted: number;
  drafted: number;
}

/** How steps of an answer go on. */
export interface StepsOptions {
  /** Whether its first token was sampled already: `answered` has it, and the last of them has not been fed. Default false. */
  begun?: boolean;
  /** Whether steps run ahead no further than the GPU needs: what comes of them is seen early. */
  closely?: () => boolean;
}

/** Reports under way where steps run closely ahead: one is computed, and one waits. */
const CLOSE_REPORTS = 2;

/**
 * Samples an answer, or the rest of one, from the logits that the model holds, steps running ahead of what the caller has
 * seen. However the caller leaves, the model's live sequence knows its tokens: the prompt and all sampled tokens but the
 * last, which has not been fed. These may be more than the caller took.
 * @param isWanted whether the answer is to go on elsewhere: then it ends here with all that was begun, before its end
 * @throws BambaError `setting_invalid`, `device_lost`, `gpu_failure`, `out_of_memory`.
 */
export async function* generateIds(
  model: Model,
  settings: AnswerSettings,
  isWanted: () => boolean = () => false,
  { begun = false, closely = () => false }: StepsOptions = {},
): AsyncGenerator<AnswerPiece> {
  const promptTokens = model.state.tokens.length;
  const limit = settings.limit - (settings.answered?.length ?? 0);
  const feed = feedReported(model.state);
  const running: Promise<SamplerReport>[] = [];
  let submitted = 0;
  let batch = 1;
  let stepMs = 0;
  let last = performance.now();

  const submit = (report: Promise<SamplerReport>) => {
    report.catch(() => {}); // whoever takes it sees the fault; it may be reported after an earlier one
    running.push(report);
  };
  if (begun) feed(settings.answered?.slice(-1) ?? []);
  else {
    submit(model.beginAnswer(settings));
    submitted = 1;
  }
  try {
    for (;;) {
      while (running.length < (closely() ? CLOSE_REPORTS : REPORTS_IN_FLIGHT) && submitted < limit && !isWanted()) {
        const count = Math.min(closely() ? 1 : batch, limit - submitted);
        await model.reserve(Math.min(model.contextLength, promptTokens + submitted + count));
        submit(model.decode(count));
        submitted += count;
      }
      const next = running.shift();
      if (!next) return;
      const report = await next;
      feed(report.ids);
      const now = performance.now();
      if (report.ids.length > 0) stepMs = (now - last) / report.ids.length;
      last = now;
      batch = stepsTogether(stepMs);
      yield { ids: report.ids, ended: report.ended };
      if (report.ended) return;
    }
  } finally {
    // A running step cannot be called back: the state is known once it has ended.
    for (const result of await Promise.allSettled(running)) if (result.status === 'fulfilled') feed(result.value.ids);
  }
}

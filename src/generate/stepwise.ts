import type { Model } from '../model/model.ts';
import type { AnswerSettings, StepOptions } from '../model/sampler.ts';
import type { Constraint } from './constraint.ts';
import { feedReported } from './fed-tokens.ts';
import type { AnswerPiece } from './generate.ts';
import { tokenLogprobs } from './logprobs.ts';

/** Why the steps of an answer are waited for one by one. */
export interface StepwiseOptions {
  /** The allowed answers. */
  constraint?: Constraint | undefined;
  /** For each token its log-probability and those of so many likeliest ones. */
  logprobs?: number | undefined;
}

/**
 * As `generateIds`, but no step runs ahead. Each is submitted when the token before it is known: its mask follows from that
 * token, or its logits are read back.
 * @param isWanted as of `generateIds`
 * @throws BambaError as `generateIds`, and what the constraint throws.
 */
export async function* generateStepwise(
  model: Model,
  settings: AnswerSettings,
  { constraint, logprobs }: StepwiseOptions,
  isWanted: () => boolean = () => false,
): AsyncGenerator<AnswerPiece> {
  const promptTokens = model.state.tokens.length;
  const feed = feedReported(model.state);
  for (let answered = 0; ;) {
    const step: StepOptions = {
      logits: logprobs !== undefined,
      ...(constraint ? { mask: constraint.mask() } : {}),
    };
    await model.reserve(Math.min(model.contextLength, promptTokens + answered));
    const report =
      answered === 0
        ? await model.beginAnswer({ ...settings, masked: constraint !== undefined }, step)
        : await model.decodeStep(step);
    feed(report.ids);
    answered += report.ids.length;
    const [id] = report.ids;
    if (id !== undefined && !settings.stopIds.includes(id)) constraint?.accept(id);
    const { logits } = report;
    yield {
      ids: report.ids,
      ended: report.ended,
      ...(logits && logprobs !== undefined
        ? { logprobs: report.ids.map((one) => tokenLogprobs(logits, one, logprobs)) }
        : {}),
    };
    if (report.ended || isWanted()) return;
  }
}

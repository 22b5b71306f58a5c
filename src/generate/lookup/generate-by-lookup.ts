import type { Model } from '../../model/model.ts';
import type { AnswerSettings } from '../../model/sampler.ts';
import type { Verifier } from '../../model/verify/verifier.ts';
import { feedReported } from '../fed-tokens.ts';
import { type AnswerPiece, generateIds } from '../generate.ts';
import { Acceptance } from './acceptance.ts';
import type { Lookup } from './lookup.ts';
import { NgramIndex } from './ngram-index.ts';

/**
 * As `generateIds`, with the same tokens. Where the last of them stood in the prompt or in the answer before, those that came
 * behind them there are drafts: one step verifies several. Without a match the steps are those of `generateIds`.
 * @param isWanted as of `generateIds`
 * @throws BambaError as `generateIds`.
 */
export async function* generateByLookup(
  model: Model,
  settings: AnswerSettings,
  lookup: Lookup,
  isWanted: () => boolean = () => false,
): AsyncGenerator<AnswerPiece> {
  const { state } = model;
  const answered = [...(settings.answered ?? [])];
  const before = state.tokens.length;
  const index = new NgramIndex();
  const acceptance = new Acceptance();
  const take = (piece: AnswerPiece) => {
    answered.push(...piece.ids);
    // The prompt once steps run: it may be long.
    if (index.length === 0) index.push(state.tokens.slice(0, before));
    index.push(piece.ids);
    return piece;
  };
  // The last token that an answer may have needs no draft.
  const hasRoom = () => answered.length + 1 < settings.limit && index.length + acceptance.width <= model.contextLength;
  /** What verifies the drafts that there are now; null where there are none. */
  const due = (): Verifier | null => {
    if (!index.hasMatch || !acceptance.allows(index.length) || !hasRoom()) return null;
    if (!lookup.verifier) void lookup.prepare();
    return lookup.verifier;
  };

  for (let begun = false; ; begun = true) {
    const plain = generateIds(model, { ...settings, answered: [...answered] }, () => isWanted() || due() !== null, {
      begun,
      closely: () => acceptance.isNear(index.length),
    });
    for await (const piece of plain) {
      yield take(piece);
      if (piece.ended) return;
    }
    const feed = feedReported(state);
    feed(answered.slice(-1));
    for (;;) {
      if (isWanted()) return;
      const verifier = due();
      if (!verifier) break;
      const draft = index.draft(Math.min(acceptance.width - 1, settings.limit - answered.length - 1));
      await model.reserve(Math.min(model.contextLength, state.position + verifier.most));
      const { ids, ended } = await verifier.step([answered.at(-1)!, ...draft]);
      feed(ids);
      const accepted = Math.min(draft.length, ids.length - 1);
      // Drafts behind the end of an answer are neither right nor wrong.
      const drafted = ended ? accepted : draft.length;
      const piece = take({ ids, ended, drafts: { accepted, drafted } });
      if (drafted > 0) acceptance.note(accepted, drafted, index.length);
      yield piece;
      if (ended) return;
    }
  }
}

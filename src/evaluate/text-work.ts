import { BambaError } from '../errors.ts';
import type { TokenizingEngine } from '../engine/protocol.ts';
import type { ScoredSequence } from '../generate/perplexity.ts';
import type { ScoredText } from '../generate/scored-text.ts';
import type { Metric } from './metrics.ts';
import { scoreTokens, type SequenceScore } from './scoring.ts';
import { requireBegin } from './task-work.ts';
import { textWindows, type Windows } from './windows.ts';
import { anyWork, type Work } from './work.ts';

type Outcome = SequenceScore & Record<string, unknown>;

/**
 * The perplexity of a text as work. Without `windows` it is read whole where the context has room, else in windows of the
 * context that overlap by half.
 * @param name of the text, for people
 * @param limit windows, at most
 * @throws BambaError `prompt_empty` for a text of no tokens; `setting_invalid` for windows that the context has no room for
 */
export async function textWork(
  engine: TokenizingEngine,
  text: string,
  { name, windows = {}, limit = Infinity }: { name: string; windows?: Partial<Windows>; limit?: number },
): Promise<Work> {
  const ids = await engine.tokenize(text, { addSpecialTokens: false });
  if (ids.length === 0) {
    throw new BambaError('prompt_empty', `${name} has 0 tokens: there is nothing to predict. Give a text with words.`);
  }
  const { size, stride } = resolveWindows(windows, ids.length + 1, engine.info.model.contextLength);
  const sequences = textWindows(ids, requireBegin(engine, name), { size, stride });
  const all = sequences.length === 1 ? 'read whole' : `in windows of ${size} tokens, ${stride} new ones each`;
  const fact = `${ids.length} tokens, ${all}`;
  const bytes = new TextEncoder().encode(text).length;
  return sequenceWork(name, fact, sequences.slice(0, limit), sequences.length <= limit ? bytes : null);
}

function resolveWindows({ size, stride }: Partial<Windows>, tokens: number, context: number): Windows {
  const chosen = size ?? Math.min(tokens, context);
  if (!Number.isInteger(chosen) || chosen < 2 || chosen > context) {
    throw new BambaError(
      'setting_invalid',
      `A window of ${chosen} tokens is not possible: the model has a context of ${context}. Give 2 to ${context}, or load it with more.`,
    );
  }
  const step = stride ?? Math.max(1, tokens <= chosen ? chosen - 1 : Math.floor(chosen / 2));
  if (Number.isInteger(step) && step >= 1 && step < chosen) return { size: chosen, stride: step };
  throw new BambaError(
    'setting_invalid',
    `A stride of ${step} tokens is not possible with a window of ${chosen}. Give 1 to ${chosen - 1}.`,
  );
}

/** Sequences of tokens as work, of which a reference may be known. */
export function scoredTextWork(name: string, { sequences, reference }: ScoredText, limit = Infinity): Work {
  const scored = sequences.slice(0, limit);
  // Over part of the text the reference says nothing.
  const known = reference && scored.length === sequences.length;
  const facts = known ? `; reference: NLL ${reference.nll.toFixed(6)}, top-1 ${reference.top1.toFixed(5)}` : '';
  return sequenceWork(name, `${scored.length} sequences${facts}`, scored, null);
}

/** @param bytes of all that is predicted; null where that is not known */
function sequenceWork(name: string, fact: string, sequences: readonly ScoredSequence[], bytes: number | null): Work {
  return anyWork<Outcome>({
    name,
    facts: [fact],
    content: JSON.stringify(sequences),
    parts: sequences.map((sequence, index) => ({
      id: String(index),
      size: sequence.ids.length,
      run: async (engine, signal) => ({ ...(await scoreTokens(engine, sequence, name, signal)) }),
    })),
    metrics: (outcomes) => sequenceMetrics(outcomes, bytes),
  });
}

/** Errors are those of means over tokens. */
function sequenceMetrics(outcomes: readonly SequenceScore[], bytes: number | null): Metric[] {
  const sum = (name: keyof SequenceScore) => outcomes.reduce((all, outcome) => all + outcome[name], 0);
  const tokens = sum('tokens');
  const [nll, top1] = [sum('nll') / tokens, sum('top1') / tokens];
  const error = (variance: number) => (tokens > 1 ? Math.sqrt(Math.max(0, variance) / (tokens - 1)) : null);
  const nllError = error(sum('squares') / tokens - nll * nll);
  const perplexity = Math.exp(nll);
  const lower = { higherIsBetter: false };
  return [
    { name: 'nll', value: nll, stderr: nllError, ...lower },
    { name: 'perplexity', value: perplexity, stderr: nllError === null ? null : perplexity * nllError, ...lower },
    { name: 'top1', value: top1, stderr: error(top1 * (1 - top1)), higherIsBetter: true },
    ...(bytes === null
      ? []
      : [{ name: 'bits_per_byte', value: sum('nll') / bytes / Math.LN2, stderr: null, ...lower }]),
  ];
}

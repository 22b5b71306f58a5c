import { BambaError } from '../errors.ts';
import type { ScoredSequence } from './perplexity.ts';

/** A text to score a model over: token sequences, and what a reference implementation measured on them. */
export interface ScoredText {
  sequences: ScoredSequence[];
  reference: { nll: number; top1: number; tokens: number } | null;
}

/**
 * Reads `{ sequences: [{ ids, answer }], reference?: { nll, top1, tokens } }`, where `answer` has a 1 for each token
 * whose prediction counts.
 * @throws BambaError `setting_invalid` with the sequence that is wrong.
 */
export function parseScoredText(json: unknown): ScoredText {
  const { sequences, reference } = record(json);
  if (!Array.isArray(sequences) || sequences.length === 0) throw invalid('it has no `sequences`');
  return {
    sequences: sequences.map((sequence: unknown, index) => parseSequence(record(sequence), `sequences[${index}]`)),
    reference: reference === undefined ? null : parseReference(record(reference)),
  };
}

function parseSequence({ ids, answer }: Record<string, unknown>, where: string): ScoredSequence {
  if (!isArrayOf(ids, (id) => Number.isInteger(id) && id >= 0)) {
    throw invalid(`${where}.ids is no list of token ids`);
  }
  if (!isArrayOf(answer, (flag) => flag === 0 || flag === 1) || answer.length !== ids.length) {
    throw invalid(`${where}.answer does not say 0 or 1 for each of the ${ids.length} tokens`);
  }
  if (answer[0] === 1) throw invalid(`${where}.answer counts the first token, which nothing predicts`);
  if (!answer.includes(1)) throw invalid(`${where}.answer counts no token`);
  return { ids, answer };
}

function parseReference({ nll, top1, tokens }: Record<string, unknown>): ScoredText['reference'] {
  if (typeof nll === 'number' && typeof top1 === 'number' && typeof tokens === 'number') return { nll, top1, tokens };
  throw invalid('its `reference` lacks nll, top1 or tokens');
}

function isArrayOf(value: unknown, holds: (element: number) => boolean): value is number[] {
  return Array.isArray(value) && value.every((element) => typeof element === 'number' && holds(element));
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw invalid('it is not made of the objects that it should have');
}

function invalid(what: string): BambaError {
  return new BambaError('setting_invalid', `The text cannot be scored: ${what}.`);
}

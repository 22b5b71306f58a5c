import { randomCheckpoint } from './random-checkpoint.ts';
import { tinyCheckpoint } from '../models/tiny-model.ts';

/** A checkpoint of random weights with the tokenizer of the tiny model, whose vocabulary it takes: its files in memory. */
export function familyCheckpoint(config: Readonly<Record<string, unknown>>): Record<string, Uint8Array> {
  const { 'tokenizer.json': tokenizer, 'tokenizer_config.json': tokenizerConfig } = tinyCheckpoint();
  return {
    ...randomCheckpoint(withVocabulary(config, 512)),
    'tokenizer.json': tokenizer!,
    'tokenizer_config.json': tokenizerConfig!,
  };
}

/** A config for so many tokens, which a model of more than text says with its text. */
function withVocabulary(config: Readonly<Record<string, unknown>>, tokens: number): Record<string, unknown> {
  const { text_config: text } = config;
  if (typeof text === 'object') return { ...config, text_config: { ...text, vocab_size: tokens } };
  return { ...config, vocab_size: tokens };
}

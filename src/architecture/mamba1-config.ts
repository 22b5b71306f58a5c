import type { ConfigReader } from './config-reader.ts';

/** Rank of the step sizes of Mamba-1 mixers: a number, or a sixteenth of the model width. */
export function readTimeStepRank(config: ConfigReader, field: string, hiddenSize: number): number {
  const isAutomatic = ['auto', undefined].includes(config.get(field) as string | undefined);
  return isAutomatic ? Math.ceil(hiddenSize / 16) : config.count(field);
}

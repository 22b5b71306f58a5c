import type { Biased } from './architecture.ts';
import type { ConfigReader } from './config-reader.ts';

/**
 * The matrices that have biases, by flags of a config.
 * @param flags what each flag is about
 * @throws BambaError `config_invalid`.
 */
export function readBiases(
  config: ConfigReader,
  flags: Readonly<Record<string, readonly Biased[]>>,
  always: readonly Biased[] = [],
): { biases?: Biased[] } {
  const told = Object.entries(flags).flatMap(([flag, what]) => (config.flag(flag) ? what : []));
  const biases = [...always, ...told];
  return biases.length > 0 ? { biases } : {};
}

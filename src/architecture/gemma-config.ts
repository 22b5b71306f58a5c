import type { ConfigReader } from './config-reader.ts';

/** The cap of scores or logits; undefined where there is none. @throws BambaError `config_invalid`. */
export function readCap(config: ConfigReader, field: string): number | undefined {
  return config.get(field) === undefined ? undefined : config.number(field, { above: 0 });
}

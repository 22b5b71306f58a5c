import type { ConfigReader } from './config-reader.ts';

/** What scores or logits are capped to; undefined where they are not. @throws BambaError `config_invalid`. */
export function readCap(config: ConfigReader, field: string): number | undefined {
  return config.get(field) === undefined ? undefined : config.number(field, { above: 0 });
}

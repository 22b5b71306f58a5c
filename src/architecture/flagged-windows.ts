import type { AttentionLayer } from './architecture.ts';
import type { ConfigReader } from './config-reader.ts';
import { readWindows } from './dense.ts';

/** Windows of blocks, where a config has a flag that says whether there are any. */
interface FlaggedWindows {
  layers: AttentionLayer[];
  window: number | null;
}

/**
 * Windows where `use_sliding_window` is true: of the blocks that `layer_types` names, or else those that `otherwise` says.
 * If it is false, `sliding_window` has no effect.
 * @throws BambaError `config_invalid`.
 */
export function flaggedWindows(config: ConfigReader, otherwise: (block: number) => boolean): FlaggedWindows {
  const uses = config.flag('use_sliding_window');
  const window = uses ? (config.optionalCount('sliding_window') ?? null) : null;
  const windows = readWindows(config, (block) => window !== null && otherwise(block));
  return { layers: windows.map((has) => ({ window: has, rope: 'main' })), window };
}

/** As Qwen's configs have them: of the blocks from `max_window_layers` on. @throws BambaError `config_invalid`. */
export function upperWindows(config: ConfigReader): FlaggedWindows {
  const first = config.number('max_window_layers', { least: 0 });
  return flaggedWindows(config, (block) => block >= first);
}

import type { GenerationDefaults } from '../../generate/sampling.ts';
import { MAX_STOP_IDS } from '../../kernels/sampling/sampling-settings.ts';
import type { Tokenizer } from '../../text/tokenizer.ts';
import { isRecord } from '../../weights/untrusted-json.ts';

/** The ids that end an answer, by each file of a model. */
interface EndSources {
  /** Of generation_config.json. */
  defaults: Pick<GenerationDefaults, 'stopIds'>;
  /** Those of config.json, as the package's manifest keeps them. */
  config: readonly number[];
  /** Knows `eos_token` of tokenizer_config.json. */
  tokenizer: Pick<Tokenizer, 'namedTokens' | 'tokenToId'>;
  /** special_tokens_map.json, parsed; undefined where there is none. */
  specialTokens: unknown;
}

/**
 * Token ids that end an answer. Published models name them in four files, and often not all in one: an answer ends at
 * any of them.
 */
export function endIds({ defaults, config, tokenizer, specialTokens }: EndSources): {
  ids: number[];
  warnings: string[];
} {
  const named = [tokenizer.namedTokens.eos_token, eosTokenOf(specialTokens)];
  const ids = named.flatMap((token) => (token === undefined ? [] : (tokenizer.tokenToId(token) ?? [])));
  const all = [...new Set([...defaults.stopIds, ...config, ...ids])];
  if (all.length <= MAX_STOP_IDS) return { ids: all, warnings: [] };
  const warning = `The files of the model name ${all.length} tokens that end an answer; the first ${MAX_STOP_IDS} do.`;
  return { ids: all.slice(0, MAX_STOP_IDS), warnings: [warning] };
}

/** A string, or an object with `content`. */
function eosTokenOf(map: unknown): string | undefined {
  const token = isRecord(map) ? map['eos_token'] : undefined;
  const content = isRecord(token) ? token['content'] : token;
  return typeof content === 'string' ? content : undefined;
}

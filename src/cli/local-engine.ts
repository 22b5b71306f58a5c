import type { LocalEngine } from '../engine/local-engine.ts';
import type { TokenizingEngine } from '../engine/protocol.ts';

/** An engine of this thread as what takes engines expects it. */
export function tokenizingEngine(engine: LocalEngine): TokenizingEngine {
  return {
    // After a loss it may be another one.
    get info() {
      return engine.info;
    },
    generate: (request, options) => engine.generate(request, options),
    countTokens: (input, options) => engine.countTokens(input, options),
    tokenize: (input, options) => engine.tokenize(input, options),
    detokenize: (ids, options) => engine.detokenize(ids, options),
    dispose: async () => engine.dispose(),
  };
}

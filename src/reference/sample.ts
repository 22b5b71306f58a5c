/** The settings of `processLogits`; neutral values change nothing. */
export interface LogitsSettings {
  repetitionPenalty: number;
  presencePenalty: number;
  frequencyPenalty: number;
  /** Token to what is added to its logit. */
  logitBias: ReadonlyMap<number, number>;
  /** Bit v % 32 of word v / 32 says that token v may come; without, all may. */
  mask?: Uint32Array;
}

/** The settings of `sample`; `topK` 0 and `topP` 1 and `minP` 0 are off, `temperature` 0 is greedy. */
export interface DrawSettings {
  temperature: number;
  topK: number;
  topP: number;
  minP: number;
  seed: number;
}

const IN_PROMPT = 0x80000000;

/**
 * Penalties, bias, and -infinity where the mask has no bit (V). counts (V): bit 31 says that the token is in the prompt, the rest is how often the answer
 * has it. NaN and infinities stay; other magnitudes above 1e30 count as 1e30 where something is changed.
 */
export function processLogits(logits: ArrayLike<number>, counts: Uint32Array, settings: LogitsSettings): Float64Array {
  const { repetitionPenalty, presencePenalty, frequencyPenalty, logitBias, mask } = settings;
  return Float64Array.from(logits, (logit, token) => {
    if (mask && ((mask[token >>> 5]! >>> (token & 31)) & 1) === 0) return -Infinity;
    const count = counts[token]!;
    const bias = logitBias.get(token) ?? 0;
    if (!Number.isFinite(logit) || (count === 0 && bias === 0)) return logit;
    let value = Math.max(-1e30, Math.min(1e30, logit));
    if (count !== 0) {
      const times = count >= IN_PROMPT ? count - IN_PROMPT : count;
      value = value < 0 ? value * repetitionPenalty : value / repetitionPenalty;
      value -= (times > 0 ? presencePenalty : 0) + frequencyPenalty * times;
    }
    return value + bias;
  });
}

/** The first of the largest logits; NaN and -infinity are never taken. -1 where there is nothing else. */
export function argmax(logits: ArrayLike<number>): number {
  let best = -1;
  for (let token = 0; token < logits.length; token++) {
    const logit = logits[token]!;
    if (logit > (best < 0 ? -Infinity : logits[best]!)) best = token;
  }
  return best;
}

/** exp((s - max) / T) of every token (V); 0 for NaN and -infinity. */
export function weights(logits: ArrayLike<number>, temperature: number): Float64Array {
  const largest = logits[argmax(logits)] ?? 0;
  return Float64Array.from(logits, (logit) => {
    if (!(logit > -Infinity)) return 0;
    return logit === largest ? 1 : Math.exp((logit - largest) / temperature);
  });
}

/**
 * Whether the filters keep each token (V). Each filter applies to the tokens that the one before kept: top-k (s at
 * least the k-th largest, ties kept), top-p, min-p. Top-p keeps the fewest likeliest tokens whose probabilities reach
 * p; of equal ones the lowest.
 */
export function keptTokens(logits: ArrayLike<number>, settings: DrawSettings): boolean[] {
  const weight = weights(logits, settings.temperature);
  let kept = Array.from(logits, (_, token) => token).filter((token) => logits[token]! > -Infinity);
  kept.sort((a, b) => logits[b]! - logits[a]! || a - b);
  if (settings.topK > 0 && settings.topK < kept.length) {
    const least = logits[kept[settings.topK - 1]!]!;
    kept = kept.filter((token) => logits[token]! >= least);
  }
  if (settings.topP < 1) {
    const goal = settings.topP * kept.reduce((sum, token) => sum + weight[token]!, 0);
    let sum = 0;
    const size = kept.findIndex((token) => (sum += weight[token]!) >= goal);
    kept = kept.slice(0, Math.max(0, size) + 1);
  }
  const mask = Array.from(logits, () => false);
  const largest = logits[argmax(logits)] ?? 0;
  // In logarithms: the exponential of what is next to nothing is 1, and would pass for as likely as the likeliest.
  for (const token of kept) mask[token] = (logits[token]! - largest) / settings.temperature >= Math.log(settings.minP);
  return mask;
}

/** Probabilities (V) of what is kept: the softmax of the logits over the temperature, of these tokens alone. */
export function probabilities(logits: ArrayLike<number>, settings: DrawSettings): Float64Array {
  const kept = keptTokens(logits, settings);
  const weight = weights(logits, settings.temperature).map((value, token) => (kept[token] ? value : 0));
  const total = weight.reduce((sum, value) => sum + value, 0);
  return weight.map((value) => value / total);
}

/** PCG-RXS-M-XS-32 (O'Neill 2014), a bijection of 32-bit words. */
export function pcg(word: number): number {
  const state = (Math.imul(word, 747_796_405) + 2_891_336_453) >>> 0;
  const mixed = Math.imul((state >>> ((state >>> 28) + 4)) ^ state, 277_803_737) >>> 0;
  return ((mixed >>> 22) ^ mixed) >>> 0;
}

/** The word of a seed's sequence at a place: u * 2^32 of the draw that chooses token `place` of the answer. */
export function randomWord(seed: number, place: number): number {
  return pcg((seed + pcg(place)) >>> 0);
}

/**
 * Token `place` of an answer: greedy, or the first token at which the sum of probabilities exceeds u.
 * @returns -1 where no logit is a number above -infinity.
 */
export function sample(logits: ArrayLike<number>, settings: DrawSettings, place: number): number {
  const best = argmax(logits);
  if (best < 0 || settings.temperature === 0) return best;
  const u = randomWord(settings.seed, place) / 2 ** 32;
  const chances = probabilities(logits, settings);
  let sum = 0;
  let last = best;
  for (const [token, chance] of chances.entries()) {
    if (chance === 0) continue;
    sum += chance;
    last = token;
    if (sum > u) return token;
  }
  return last; // the sum was rounded below 1
}

/** A token and the natural logarithm of its probability. */
export interface TokenLogprob {
  id: number;
  logprob: number;
}

/** The probability of the token that was chosen, and of the likeliest ones. */
export interface ChosenLogprob extends TokenLogprob {
  /** The likeliest tokens, likeliest first, of equal ones the lowest ids. */
  top: TokenLogprob[];
}

/**
 * Log-probabilities from logits: the softmax of what the model itself computed, before temperature, penalties, bias and
 * mask.
 *
 * @param logits (V) f32
 * @param id the token that was chosen
 * @param count how many of the likeliest to name
 */
export function tokenLogprobs(logits: Float32Array, id: number, count: number): ChosenLogprob {
  let largest = -Infinity;
  for (const logit of logits) if (logit > largest) largest = logit;
  let sum = 0;
  for (const logit of logits) if (logit > -Infinity) sum += Math.exp(logit - largest);
  const logSum = Math.log(sum);
  // In this order what is nearly certain keeps its digits, however large the logits are.
  const logprobOf = (token: number) => logits[token]! - largest - logSum;
  return {
    id,
    logprob: logprobOf(id),
    top: likeliest(logits, count).map((token) => ({ id: token, logprob: logprobOf(token) })),
  };
}

/** The `count` tokens of the largest logits, in order, in one pass: `count` is small and the vocabulary is not. */
function likeliest(logits: Float32Array, count: number): number[] {
  const best: number[] = [];
  for (let token = 0; token < logits.length; token++) {
    const logit = logits[token]!;
    if (best.length === count && !(logit > (logits[best.at(-1) ?? token] ?? Infinity))) continue;
    if (!(logit > -Infinity)) continue;
    let place = best.length;
    while (place > 0 && logits[best[place - 1]!]! < logit) place--;
    best.splice(place, 0, token);
    if (best.length > count) best.pop();
  }
  return best;
}

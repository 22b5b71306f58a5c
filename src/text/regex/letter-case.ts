// Which characters differ in case alone.

/** Behind the last letters with case, those of Adlam. */
const END = 0x1e944;

let letters: Map<string, number[]> | null = null;

/** A character and all that differ from it in case alone: of `k` also `K` and the sign of kelvin. */
export function sameLetters(code: number): readonly number[] {
  letters ??= lettersWithCase();
  return code === 0x130 || code === 0x131 ? [code] : (letters.get(folded(code)) ?? [code]);
}

function lettersWithCase(): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (let code = 0x41; code < END; code++) {
    // Between them lie syllables and surrogates, which have no case.
    if (code === 0xac00) code = 0xf900;
    // The two letters i of Turkish are nobody's other case here.
    if (code === 0x130 || code === 0x131) continue;
    const character = String.fromCodePoint(code);
    if (character.toLowerCase() === character && character.toUpperCase() === character) continue;
    const key = folded(code);
    found.set(key, [...(found.get(key) ?? []), code]);
  }
  return found;
}

/** The small letter of the capital, where each is one character: two letters are the same where this is. */
function folded(code: number): string {
  const character = String.fromCodePoint(code);
  const upper = character.toUpperCase();
  const capital = isOne(upper) ? upper : character;
  const lower = capital.toLowerCase();
  return isOne(lower) ? lower : capital;
}

function isOne(text: string): boolean {
  return text.length === (text.codePointAt(0)! > 0xffff ? 2 : 1);
}

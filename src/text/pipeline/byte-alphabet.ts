// GPT-2's alphabet of bytes: printable Latin-1 stands for itself, the other bytes follow from U+0100.

/** The character of each byte. */
export const CHARACTER_OF_BYTE: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte !== 0xad);
    return String.fromCharCode(printable ? byte : next++);
  });
})();

const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = new Map(
  CHARACTER_OF_BYTE.map((character, byte) => [character, byte]),
);

/** The UTF-8 bytes of a text, in the alphabet. */
export function spellBytes(text: string): string {
  let spelled = '';
  for (let at = 0; at < text.length; at++) {
    let code = text.charCodeAt(at);
    if (code < 0x80) {
      spelled += CHARACTER_OF_BYTE[code];
      continue;
    }
    if (code < 0x800) {
      spelled += CHARACTER_OF_BYTE[0xc0 | (code >> 6)];
    } else {
      if (code >= 0xd800 && code <= 0xdbff) {
        code = text.codePointAt(at)!;
        at++;
        spelled += CHARACTER_OF_BYTE[0xf0 | (code >> 18)]! + CHARACTER_OF_BYTE[0x80 | ((code >> 12) & 0x3f)]!;
      } else {
        spelled += CHARACTER_OF_BYTE[0xe0 | (code >> 12)];
      }
      spelled += CHARACTER_OF_BYTE[0x80 | ((code >> 6) & 0x3f)];
    }
    spelled += CHARACTER_OF_BYTE[0x80 | (code & 0x3f)];
  }
  return spelled;
}

/** The bytes that a token spells; where one of its characters is not of the alphabet, the UTF-8 bytes of the token. */
export function bytesOfToken(token: string): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = BYTE_OF_CHARACTER.get(character);
    if (byte === undefined) return new TextEncoder().encode(token);
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

// Which script a character belongs to, for the pre-tokenizer `UnicodeScripts`.

/** The scripts that count; characters of others belong to any. */
const SCRIPTS =
  'Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee Common Coptic Cuneiform Cypriot Cyrillic Deseret Devanagari Duployan Egyptian_Hieroglyphs Elbasan Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gurmukhi Han Hangul Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kayah_Li Kharoshthi Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani Malayalam Mandaic Manichaean Marchen Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean New_Tai_Lue Newa Nko Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_South_Arabian Old_Turkic Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sora_Sompeng Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Ugaritic Vai Warang_Citi Yi';

let tests: [name: string, test: RegExp][] | null = null;
const known = new Map<string, string | null>();

/**
 * The script of a character as SentencePiece sees it: Japanese syllables are Han.
 *
 * @returns null for what goes with any script: spaces, and characters of scripts that do not count
 */
export function scriptOf(character: string): string | null {
  let script = known.get(character);
  if (script === undefined) known.set(character, (script = findScript(character)));
  return script;
}

function findScript(character: string): string | null {
  if (character === ' ') return null;
  // The long vowel's sign of Katakana, which Unicode counts as common.
  if (character === '\u30FC') return 'Han';
  tests ??= SCRIPTS.split(' ').map((name) => [name, new RegExp(String.raw`\p{Script=${name}}`, 'u')]);
  const name = tests.find(([, test]) => test.test(character))?.[0] ?? null;
  return name === 'Hiragana' || name === 'Katakana' ? 'Han' : name;
}

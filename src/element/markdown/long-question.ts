// Long questions, as when a text was pasted: their beginning is shown, so that the answer stays in sight.

/** A question of up to so many characters and lines is shown whole. */
const WHOLE = { characters: 1600, lines: 16 };

/** Of a longer one so many are shown. */
const FOLDED = { characters: 800, lines: 8 };

/** How many characters of a question are shown while it is folded; all of them where it is not long. */
export function foldedLength(question: string): number {
  // So many characters decide, however long the text is.
  const start = question.slice(0, WHOLE.characters + 1);
  if (start.length <= WHOLE.characters && start.split('\n', WHOLE.lines + 1).length <= WHOLE.lines) return start.length;
  const lines = start.slice(0, FOLDED.characters).split('\n', FOLDED.lines).join('\n');
  if (lines.length < FOLDED.characters) return lines.length;
  // Between words where there is a space to cut at, and never through a surrogate pair.
  return lines.replace(/\s\S{0,40}$/, '').replace(/[\ud800-\udbff]$/, '').length;
}

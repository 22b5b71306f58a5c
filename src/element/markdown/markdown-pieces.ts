// Where Markdown may be cut, and how much of it is worth parsing. A hostile text can make a parser and a browser's layout
// very slow. So a text is read line by line, at a cost that only its length decides. It is cut where a block ends, and parts
// that are too long, too deep or too dense stay plain text.

import { hasPile } from './long-text.ts';

/** A part of a text, from one block to the next. */
export interface Piece {
  readonly raw: string;
  /** Too much for a parser. */
  readonly plain: boolean;
}

/** A text in pieces. */
export interface Pieces {
  readonly pieces: readonly Piece[];
  /** Lines that define links for the whole text. */
  readonly definitions: string;
  /** Where the text goes on that is in no piece: there is too much of it. */
  readonly end: number;
}

/** Bounds, in characters but where another unit is named. A page of dense prose has some 3,000. */
const LIMITS = {
  /** Of all pieces together. */
  text: 100_000,
  /** Pieces, and lines that are not code: each may become an element, or several. */
  pieces: 500,
  lines: 2000,
  /** Of one piece; code is cheaper. */
  piece: 10_000,
  pieceLines: 250,
  code: 30_000,
  /** Of lines that are one paragraph. */
  paragraph: 8000,
  /** Quotes and lists in each other. */
  depth: 16,
  /** Characters that mean something to Markdown: of a paragraph, of a piece, of all. */
  paragraphMarks: 600,
  pieceMarks: 2000,
  marks: 8000,
  /** Definitions of links. */
  definitions: 200,
} as const;

const LIST = /^(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)/;
const FENCE = /^[ \t]*(?:(?:[-*+>]|\d{1,9}[.)])[ \t]*){0,16}(`{3,}(?=[^`]*$)|~{3,})/;
const DEFINITION = /^ {0,3}\[[^\]\n]{1,100}\]:[ \t]*\S/;
/** Lines that begin a block of their own, whatever stands before them. */
const BEGINS = /^[ \t]*(?:[-*+>#|]|\d{1,9}[.)]|={3}|-{3})/;
const MARKS = /[*_~`[\]<|&\\:@$]/g;
/** The marks that begin or end a formula. */
const FORMULA = /\$|\\[([\])]/g;
/** A formula becomes many elements: each of its ends counts as so many marks besides. */
const FORMULA_MARKS = 2;
const PREFIX = /[ \t]*(?:>|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t]))/y;

/** Cuts a text. The pieces of a text are also those of a longer one that begins with it, but for the last of them. */
export function cutPieces(text: string): Pieces {
  const cutter = new Cutter(text);
  return cutter.cut();
}

class Cutter {
  readonly #text: string;
  readonly #pieces: Piece[] = [];
  readonly #definitions: string[] = [];
  #start = 0;
  /** The piece is a list, which goes on after an empty line. */
  #list = false;
  #plain = false;
  #fence: string | undefined;
  #blank = false;
  #marks = 0;
  #allMarks = 0;
  #lines = 0;
  #allLines = 0;
  /** Where the paragraph begins that a line may belong to, and the marks in it. */
  #paragraph = 0;
  #paragraphMarks = 0;

  constructor(text: string) {
    this.#text = text;
  }

  cut(): Pieces {
    const text = this.#text;
    let at = 0;
    while (at < text.length) {
      if (at >= LIMITS.text || this.#pieces.length >= LIMITS.pieces) break;
      if (this.#allLines > LIMITS.lines || this.#allMarks > LIMITS.marks) break;
      const newline = text.indexOf('\n', at);
      const next = newline < 0 ? text.length : newline + 1;
      // A line that goes on and on is not looked at to its end.
      if (next - at > LIMITS.code) {
        this.#endPiece(at);
        break;
      }
      this.#line(text.slice(at, next), at);
      at = next;
    }
    if (at >= text.length) this.#endPiece(at);
    // A block that is begun and too long goes with the rest.
    return { pieces: this.#pieces, definitions: this.#definitions.join('\n'), end: this.#start };
  }

  #line(line: string, at: number): void {
    const blank = line.trim() === '';
    if (this.#fence === undefined && !blank && this.#blank && this.#isBoundary(line)) this.#endPiece(at);
    if (at === this.#start) this.#list = LIST.test(line);
    this.#blank = blank;
    if (blank) this.#beginParagraph(at + line.length);
    if (this.#fence === undefined && !blank) this.#measure(line, at);
    this.#follow(line, at);
    const limit = this.#fence === undefined ? LIMITS.piece : LIMITS.code;
    if (at + line.length - this.#start > limit) this.#endPiece(at + line.length, true);
  }

  /** After an empty line, a line at the margin begins another block, unless it is the next item of a list. */
  #isBoundary(line: string): boolean {
    return !/^[ \t]/.test(line) && !(this.#list && LIST.test(line));
  }

  /** Judges a line of text; from one on that is too much, the piece is plain. */
  #measure(line: string, at: number): void {
    const marks = marksIn(line);
    if (BEGINS.test(line) || line.includes('|')) this.#beginParagraph(at);
    this.#paragraphMarks += marks;
    this.#marks += marks;
    this.#allMarks += marks;
    this.#lines++;
    this.#allLines++;
    if (DEFINITION.test(line) && this.#definitions.length < LIMITS.definitions) this.#definitions.push(line);
    if (this.#plain) return;
    const dense = this.#paragraphMarks > LIMITS.paragraphMarks || at + line.length - this.#paragraph > LIMITS.paragraph;
    const many = this.#marks > LIMITS.pieceMarks || this.#lines > LIMITS.pieceLines;
    if (!dense && !many && depthOf(line) <= LIMITS.depth && !hasPile(line)) return;
    // The paragraph is plain from its beginning; what stands before it may be read.
    if (this.#paragraph > this.#start) this.#endPiece(this.#paragraph);
    this.#plain = true;
  }

  /** Follows code from its fence to the next. */
  #follow(line: string, at: number): void {
    if (this.#fence === undefined) {
      this.#fence = FENCE.exec(line)?.[1];
      return;
    }
    const closing = line.replace(/^[\s>]*/, '').trimEnd();
    if (closing.length >= this.#fence.length && closing === this.#fence.charAt(0).repeat(closing.length)) {
      this.#fence = undefined;
      this.#beginParagraph(at + line.length);
    }
  }

  /** @param within the piece ends in the middle of something, because it is too long: what follows is not Markdown */
  #endPiece(at: number, within = false): void {
    if (at > this.#start) this.#pieces.push({ raw: this.#text.slice(this.#start, at), plain: this.#plain });
    this.#start = at;
    this.#plain = within;
    this.#list = false;
    this.#blank = false;
    this.#marks = 0;
    this.#lines = 0;
    this.#beginParagraph(at);
  }

  #beginParagraph(at: number): void {
    this.#paragraph = at;
    this.#paragraphMarks = 0;
  }
}

/** The characters of a line that mean something to Markdown. */
function marksIn(line: string): number {
  const formulas = line.match(FORMULA)?.length ?? 0;
  return (line.match(MARKS)?.length ?? 0) + FORMULA_MARKS * formulas;
}

/** How many quotes and lists a line stands in: two columns of space may be one more. */
function depthOf(line: string): number {
  let depth = 0;
  let at = 0;
  PREFIX.lastIndex = 0;
  for (let found = PREFIX.exec(line); found && depth <= LIMITS.depth; found = PREFIX.exec(line)) {
    depth++;
    at = PREFIX.lastIndex;
  }
  const indent = /^[ \t]*/.exec(line)?.[0] ?? '';
  PREFIX.lastIndex = 0;
  return (at > 0 ? depth : 0) + indent.replaceAll('\t', '    ').length / 2;
}

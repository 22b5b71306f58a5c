// Runs programs of patterns over text by backtracking, in time that grows with the text's length. A try that failed at a
// place is remembered, and not repeated on any way to that place. A tokenizer's file cannot make it hang.

import { BambaError } from '../../errors.ts';
import { SetTest, WORD_OUTSIDE } from './char-class.ts';
import type { Instruction, Program } from './compile.ts';

/** Instructions for each character that no sound pattern comes near; looks inside of looks could. */
const STEPS_PER_CHARACTER = 500;
const FREE_STEPS = 2_000_000;

/** Bits of memory that one text may take: 64 MB. */
const MAX_BITS = 2 ** 29;

type Run = Extract<Instruction, { op: 'run' }>;

const WORD = new SetTest({ source: WORD_OUTSIDE, ignoreCase: false, negated: false });

/** Finds the matches of one program in one text, from left to right. */
export class Matcher {
  /** The match that `search` found, in UTF-16 units. */
  start = 0;
  end = 0;

  readonly #program: Program;
  readonly #code: readonly Instruction[];
  readonly #text: string;
  /** For each place and point one bit: it was tried there, and led nowhere. */
  readonly #tried: Uint32Array;
  /** For each run without end: where it began and ended last, and the lowest and highest end tried in a row. */
  readonly #runs: Int32Array;
  /** The tries that are left: triples of instruction and place; of runs its complement, the end tried and the lowest. */
  #stack = new Int32Array(96);
  #height = 0;
  /** Bits set since the bodies that run for themselves began: they are taken back where one succeeds. */
  #log: number[] = [];
  #nested = 0;
  #searchStart = 0;
  #lookedFrom = 0;
  #steps = 0;
  readonly #maxSteps: number;

  constructor(program: Program, text: string) {
    const bits = (text.length + 1) * program.points;
    this.#maxSteps = FREE_STEPS + STEPS_PER_CHARACTER * text.length;
    this.#program = program;
    this.#code = program.code;
    this.#text = text;
    if (bits > MAX_BITS) throw this.#tooMuch();
    this.#tried = new Uint32Array((bits >>> 5) + 1);
    this.#runs = new Int32Array(4 * program.runs).fill(-1);
  }

  /**
   * The first match that begins at `from` or behind, but before `to`: then `start` and `end` have it.
   *
   * @throws BambaError `unsupported_model` where the pattern takes too many steps
   */
  search(from: number, to: number, searchStart: number): boolean {
    this.#searchStart = searchStart;
    for (let at = from; at < to; at = this.#behind(at)) {
      const end = this.#run(0, at);
      if (end < 0) continue;
      this.start = at;
      this.end = end;
      this.#forget(end);
      return true;
    }
    return false;
  }

  /** The tries that led to a match ending here did not fail. */
  #forget(end: number): void {
    const { points, runs } = this.#program;
    for (let bit = end * points; bit < (end + 1) * points; bit++) this.#tried[bit >>> 5]! &= ~(1 << (bit & 31));
    for (let run = 0; run < runs; run++) {
      const low = this.#runs[4 * run + 2]!;
      if (low >= 0 && low <= end) this.#runs[4 * run + 2] = end + 1;
    }
  }

  /** @returns where the match ends; -1 where there is none */
  #run(program: number, place: number): number {
    const code = this.#code;
    const text = this.#text;
    const base = this.#height;
    let pc = program;
    let at = place;
    for (;;) {
      if (++this.#steps > this.#maxSteps) throw this.#tooMuch();
      const instruction = code[pc]!;
      let holds = true;
      switch (instruction.op) {
        case 'char':
          holds = text.codePointAt(at) === instruction.code;
          if (holds) at += instruction.code > 0xffff ? 2 : 1;
          pc++;
          break;
        case 'set': {
          const character = at < text.length ? text.codePointAt(at)! : -1;
          holds = character >= 0 && instruction.set.has(character);
          if (holds) at += character > 0xffff ? 2 : 1;
          pc++;
          break;
        }
        case 'run':
          at = this.#enterRun(instruction, pc, at);
          holds = at >= 0;
          pc++;
          break;
        case 'split':
          holds = this.#firstTime(instruction.point, at);
          if (holds) this.#push(instruction.second, at, 0);
          pc = instruction.first;
          break;
        case 'loop':
          if (this.#firstTime(instruction.point, at)) {
            this.#push(instruction.second, at, 0);
            pc = instruction.first;
          } else {
            pc = Math.max(instruction.first, instruction.second);
          }
          break;
        case 'once':
          holds = this.#firstTime(instruction.point, at);
          pc++;
          break;
        case 'jump':
          pc = instruction.to;
          break;
        case 'place':
          holds = this.#isAt(instruction.place, at);
          pc++;
          break;
        case 'peek':
          holds = this.#peek(instruction.set, instruction.behind, at) !== instruction.negated;
          pc++;
          break;
        case 'atomic':
          at = this.#alone(pc + 1, at, instruction.runs, false);
          holds = at >= 0;
          pc = instruction.next;
          break;
        case 'look':
          holds = this.#look(instruction, pc + 1, at) !== instruction.negated;
          pc = instruction.next;
          break;
        case 'arrived':
          holds = at === this.#lookedFrom;
          pc++;
          break;
        case 'done':
          this.#height = base;
          return at;
      }
      // After a failure the next try that is left goes on.
      while (!holds) {
        if (this.#height === base) return -1;
        this.#height -= 3;
        pc = this.#stack[this.#height]!;
        at = this.#stack[this.#height + 1]!;
        if (pc >= 0) break;
        pc = ~pc;
        at = this.#tryEnd(code[pc] as Run, pc, this.#before(at), this.#stack[this.#height + 2]!);
        holds = at >= 0;
        pc++;
      }
    }
  }

  /** @returns the longest end of a run that was not tried yet; -1 for none */
  #enterRun(run: Run, pc: number, at: number): number {
    const { set, min, max, possessive } = run;
    const text = this.#text;
    const cache = 4 * run.run;
    const knownStart = run.run < 0 ? -1 : this.#runs[cache]!;
    const knownEnd = run.run < 0 ? -1 : this.#runs[cache + 1]!;
    let end = at;
    if (at >= knownStart && at <= knownEnd) {
      end = knownEnd;
    } else {
      for (let count = 0; count < max && end < text.length; count++, this.#steps++) {
        // From where a run was followed before it is known where it ends.
        if (end === knownStart) {
          end = knownEnd;
          break;
        }
        const character = text.codePointAt(end)!;
        if (!set.has(character)) break;
        end += character > 0xffff ? 2 : 1;
      }
      if (run.run >= 0) {
        this.#runs[cache] = at;
        this.#runs[cache + 1] = end;
      }
    }
    let lowest = at;
    let count = 0;
    for (; count < min && lowest < end; count++) lowest = this.#behind(lowest);
    if (count < min) return -1;
    if (possessive) return end;
    return this.#tryEnd(run, pc, end, lowest);
  }

  /** Takes the highest end from `end` down that was not tried, and leaves those below it for later. */
  #tryEnd(run: Run, pc: number, highest: number, lowest: number): number {
    let end = highest;
    if (run.run >= 0) {
      const cache = 4 * run.run;
      const low = this.#runs[cache + 2]!;
      if (low >= 0 && end >= low && end <= this.#runs[cache + 3]!) end = low === 0 ? -1 : this.#before(low);
      if (end < lowest) return -1;
      if (low < 0 || this.#behind(end) !== low) this.#runs[cache + 3] = end;
      this.#runs[cache + 2] = end;
    } else {
      while (!this.#firstTime(run.point, end)) {
        if (end <= lowest) return -1;
        end = this.#before(end);
      }
    }
    if (end > lowest) this.#push(~pc, end, lowest);
    return end;
  }

  /** Runs a body for itself. Its tries count as failed only where it failed, and not for a look behind. */
  #alone(pc: number, at: number, runs: readonly [number, number], forgets: boolean): number {
    const mark = this.#log.length;
    this.#nested++;
    const end = this.#run(pc, at);
    this.#nested--;
    if (end >= 0 || forgets) {
      for (let index = mark; index < this.#log.length; index++) {
        const bit = this.#log[index]!;
        this.#tried[bit >>> 5]! &= ~(1 << (bit & 31));
      }
      for (let run = runs[0]; run < runs[1]; run++) this.#runs[4 * run + 2] = -1;
    }
    this.#log.length = mark;
    return end;
  }

  #look(look: Extract<Instruction, { op: 'look' }>, pc: number, at: number): boolean {
    if (!look.behind) return this.#alone(pc, at, look.runs, false) >= 0;
    const outer = this.#lookedFrom;
    this.#lookedFrom = at;
    let found = false;
    let start = at;
    for (let count = 0; count <= look.max && !found; count++) {
      if (count > 0) {
        if (start === 0) break;
        start = this.#before(start);
      }
      if (count >= look.min) found = this.#alone(pc, start, look.runs, true) >= 0;
    }
    this.#lookedFrom = outer;
    return found;
  }

  #peek(set: SetTest, behind: boolean, at: number): boolean {
    const place = behind ? this.#before(at) : at;
    return place >= 0 && place < this.#text.length && set.has(this.#text.codePointAt(place)!);
  }

  #isAt(place: Extract<Instruction, { op: 'place' }>['place'], at: number): boolean {
    const { length } = this.#text;
    switch (place) {
      case 'textStart':
        return at === 0;
      case 'textEnd':
        return at === length;
      case 'lastLineEnd':
        return at === length || (at === length - 1 && this.#isNewline(at));
      case 'lineStart':
        // Behind a newline that ends the text no line begins.
        return at === 0 || (at < length && this.#isNewline(at - 1));
      case 'lineEnd':
        return at === length || this.#isNewline(at);
      case 'searchStart':
        return at === this.#searchStart;
      default:
        return (this.#peek(WORD, true, at) !== this.#peek(WORD, false, at)) === (place === 'wordEdge');
    }
  }

  #isNewline(at: number): boolean {
    return this.#text.charCodeAt(at) === 10;
  }

  #firstTime(point: number, at: number): boolean {
    if (point < 0) return true;
    const bit = at * this.#program.points + point;
    const mask = 1 << (bit & 31);
    if ((this.#tried[bit >>> 5]! & mask) !== 0) return false;
    this.#tried[bit >>> 5]! |= mask;
    if (this.#nested > 0) this.#log.push(bit);
    return true;
  }

  #push(pc: number, at: number, lowest: number): void {
    if (this.#height + 3 > this.#stack.length) {
      const larger = new Int32Array(2 * this.#stack.length);
      larger.set(this.#stack);
      this.#stack = larger;
    }
    this.#stack[this.#height] = pc;
    this.#stack[this.#height + 1] = at;
    this.#stack[this.#height + 2] = lowest;
    this.#height += 3;
  }

  /** The place one character further. */
  #behind(at: number): number {
    return at + (this.#text.codePointAt(at)! > 0xffff ? 2 : 1);
  }

  /** The place one character back; -1 at the start. */
  #before(at: number): number {
    const low = this.#text.charCodeAt(at - 1);
    return at - (low >= 0xdc00 && low <= 0xdfff && at > 1 ? 2 : 1);
  }

  #tooMuch(): BambaError {
    return new BambaError(
      'unsupported_model',
      `The tokenizer of this model splits text with a pattern that takes too long on this text: ${JSON.stringify(this.#program.source.slice(0, 200))}. Shorten the text, or take another model.`,
    );
  }
}

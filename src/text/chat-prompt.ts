import { plain, sub, type Str } from './jinja/text.ts';

/** The parts of template and tokenizer that a prompt needs. */
interface Writer {
  /** The chat up to a message, without a header; null where the template refuses that. */
  render(messages: number): Str | null;
  /** Ids of a part of the prompt; `fromStart` where it is the beginning. */
  encode(part: Str, fromStart: boolean): Promise<number[]>;
}

/** A chat as ids, and where in them its parts end. */
export class ChatPrompt {
  readonly ids: readonly number[];
  readonly #text: Str;
  readonly #writer: Writer;

  constructor(ids: readonly number[], text: Str, writer: Writer) {
    this.ids = ids;
    this.#text = text;
    this.#writer = writer;
  }

  /**
   * How many ids the first `messages` messages take, with all that comes before the next message or the header of an answer.
   *
   * The template writes these messages alone: the text has to be the beginning of the prompt. The shorter of this part and
   * the rest is made into ids, which have to be those of the prompt on that side. So a long chat is not made into ids again
   * for its end.
   *
   * @returns null where the template or the tokenizer do not part there
   * @throws BambaError `aborted`
   */
  async endOf(messages: number): Promise<number | null> {
    const whole = plain(this.#text);
    const begun = this.#writer.render(messages);
    if (begun === null || !whole.startsWith(plain(begun))) return null;
    const end = plain(begun).length;
    if (end === whole.length) return this.ids.length;
    if (end === 0) return 0;
    if (end <= whole.length / 2) {
      const ids = await this.#writer.encode(begun, true);
      return startsWith(this.ids, ids) ? ids.length : null;
    }
    const ids = await this.#writer.encode(sub(this.#text, end), false);
    const at = this.ids.length - ids.length;
    return at >= 0 && startsWith(this.ids.slice(at), ids) ? at : null;
  }
}

function startsWith(ids: readonly number[], begin: readonly number[]): boolean {
  return begin.length <= ids.length && begin.every((id, index) => id === ids[index]);
}

// One question and its answer.

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { splitAttachments, type AttachedText } from '../composer/attachments.ts';
import type { TurnId } from '../chats/ids.ts';
import { copyText } from '../clipboard.ts';
import { isUnfinished, type Turn } from '../conversation.ts';
import { factsLine } from './facts.ts';
import { formatInteger } from '../format.ts';
import { againIcon, copyIcon, editIcon, tickIcon } from '../icons.ts';
import { statisticsOf } from './statistics.ts';
import { endsTyping, fitHeight } from '../composer/typing.ts';
import { foldedLength } from '../markdown/long-question.ts';
import { drawableBoxes, LongText } from '../markdown/long-text.ts';
import { loadMarkdown, MarkdownView } from '../markdown/markdown.ts';
import { versionsControl } from './turn-versions.ts';

/** How long a button says that it has copied. */
const COPIED_MS = 1600;

/** Of a question that was unfolded, so many characters are shown with each step. */
const QUESTION_STEP = 20_000;

/** Prompts shorter than this are read faster than their progress could be. */
const PREFILL_SHOWN_FROM = 256;

/**
 * A turn of the chat. Redraws only when its turn is replaced by another object.
 *
 * @fires bamba-regenerate - the button under the last answer.
 * @fires bamba-continue - the last answer, which is not whole, is to go on.
 * @fires bamba-edit - a question was changed; `detail` has the turn's `id` and the new `question`.
 * @fires bamba-version - another version of the turn is to be shown; `detail` is its id.
 * @fires bamba-announce - `detail` is a sentence for screen readers.
 * @internal
 */
export class BambaTurn extends LitElement {
  static override properties = {
    turn: { attribute: false },
    versions: { attribute: false },
    name: { attribute: false },
    last: { type: Boolean },
    settled: { type: Boolean },
    busy: { type: Boolean },
    plain: { type: Boolean },
    editing: { state: true },
    questionShown: { state: true },
    copied: { state: true },
  };

  declare turn: Turn | undefined;
  /** All versions of the turn, the oldest first. */
  declare versions: readonly TurnId[];
  /** The name of the model. */
  declare name: string;
  /** The last turn can be answered anew. */
  declare last: boolean;
  /** No answer is being written: questions can be changed. */
  declare settled: boolean;
  /** An answer is being written: what is shown stays in sight. */
  declare busy: boolean;
  /** The answer continues the question's text, and is shown as it is. */
  declare plain: boolean;
  declare private editing: boolean;
  /** Characters of the question that are shown; 0 while it is folded. */
  declare private questionShown: number;
  declare private copied: 'yes' | 'refused' | undefined;
  #markdown: MarkdownView | undefined;
  #text: LongText | undefined;
  #split: { question: string; said: AttachedText } | undefined;
  #copiedTimer = 0;

  constructor() {
    super();
    this.name = '';
    this.versions = [];
    this.busy = false;
    this.last = false;
    this.settled = false;
    this.plain = false;
    this.editing = false;
    this.questionShown = 0;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#copiedTimer);
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override render(): TemplateResult {
    const { turn } = this;
    if (!turn) return html``;
    return html`
      <div class=${this.plain ? 'question text' : 'question'} part="question">
        <h3 class="visually-hidden">${this.plain ? 'Your text' : 'You'}</h3>
        ${this.editing ? this.#editor(turn) : this.#question(turn)}
      </div>
      ${this.editing || this.plain ? nothing : this.#files(turn)}
      <div class="answer" part="answer" aria-busy=${turn.status === 'reading' || turn.status === 'writing'}>
        <h3 class="visually-hidden">${this.name}</h3>
        <div
          class=${`markdown ${turn.status === 'writing' ? 'writing' : ''} ${this.plain ? 'raw' : ''}`}
          dir=${this.plain ? 'auto' : nothing}
          ?hidden=${turn.answer === ''}
          @click=${this.#onContentClick}
        ></div>
        ${turn.status === 'reading' || turn.status === 'queued' ? this.#waiting(turn) : nothing}
        ${turn.status === 'stopped' || turn.status === 'done' || turn.status === 'failed' ? this.#foot(turn) : nothing}
      </div>
    `;
  }

  #question(turn: Turn): TemplateResult {
    const { text, files } = this.#said(turn);
    return html`
      ${
        this.settled
          ? html`<button
              class="icon-button small edit"
              type="button"
              aria-label=${this.plain ? 'Change this text' : 'Change this question'}
              title="Change and ask again"
              @click=${this.#edit}
            >
              ${editIcon}
            </button>`
          : nothing
      }
      ${text === '' && files.length > 0 ? nothing : html`<p dir="auto">${this.#questionText(text)}</p>`}
    `;
  }

  #files(turn: Turn): TemplateResult | typeof nothing {
    const { files } = this.#said(turn);
    return files.length === 0 ? nothing : html`<bamba-attachments .files=${files}></bamba-attachments>`;
  }

  /** The question and its files. A turn is drawn again with each piece of its answer: its question stays. */
  #said({ question }: Turn): AttachedText {
    if (this.plain) return { text: question, files: [] };
    if (this.#split?.question !== question) this.#split = { question, said: splitAttachments(question) };
    return this.#split.said;
  }

  /** Its beginning, where it is long. Spaces in the template would be spaces of the question. */
  #questionText(question: string): unknown[] {
    const folded = foldedLength(question);
    const shown = Math.max(folded, this.questionShown);
    const rest = question.length - shown;
    const boxes = drawableBoxes(question, shown);
    const text = boxes.length === 1 ? boxes : boxes.map((box) => html`<span class="box">${box}</span>`);
    if (folded === question.length) return text;
    // One button for both keeps the focus.
    const label = rest > 0 ? `Show more: ${formatInteger(rest)} characters are left` : 'Show less';
    const press = rest > 0 ? () => (this.questionShown = shown + QUESTION_STEP) : this.#foldQuestion;
    return [
      ...text,
      rest > 0 ? '… ' : ' ',
      html`<button class="text-button" type="button" @click=${press}>${label}</button>`,
    ];
  }

  /** The pressed button has moved to the end of the question. */
  readonly #foldQuestion = async (): Promise<void> => {
    this.questionShown = 0;
    await this.updateComplete;
    this.querySelector('.question p button')?.scrollIntoView({ block: 'nearest' });
  };

  #editor(turn: Turn): TemplateResult {
    return html`<div class="editor" @keydown=${this.#onEditorKeydown}>
      <textarea
        rows="1"
        dir="auto"
        aria-label=${this.plain ? 'Change your text' : 'Change your question'}
        .value=${turn.question}
        @input=${(event: Event) => fitHeight(event.target as HTMLTextAreaElement)}
      ></textarea>
      <div class="editor-actions">
        ${this.last ? nothing : html`<span class="muted">What follows stays with this version.</span>`}
        <button class="text-button" type="button" @click=${this.#leaveEditor}>Cancel</button>
        <button class="button" type="button" @click=${this.#sendEdit}>Ask again</button>
      </div>
    </div>`;
  }

  protected override updated(changed: PropertyValues<this>): void {
    const same = changed.get('turn')?.answer === this.turn?.answer && !changed.has('plain');
    const container = this.querySelector<HTMLElement>('.markdown');
    if (!this.turn || !container || same) return;
    if (this.plain) {
      if (!this.#text) container.textContent = '';
      this.#text ??= new LongText(container);
      this.#text.update(this.turn.answer);
      this.#markdown = undefined;
      return;
    }
    if (!this.#markdown) container.textContent = '';
    this.#text = undefined;
    this.#markdown ??= new MarkdownView(container);
    this.#markdown.update(this.turn.answer);
    if ('plain' in container.dataset) void this.#parseWhenReady();
  }

  /** Shows as Markdown what came before its parser did. */
  async #parseWhenReady(): Promise<void> {
    await loadMarkdown();
    if (this.turn) this.#markdown?.update(this.turn.answer);
  }

  #waiting({ status, prefill }: Turn): TemplateResult {
    const slow = prefill && prefill.total >= PREFILL_SHOWN_FROM && prefill.processed < prefill.total;
    return html`<div class="waiting">
      <span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>
      ${status === 'queued' ? html`<span>Asked as soon as the model is ready</span>` : nothing}
      ${
        slow
          ? html`<span>
              Reading the chat: ${formatInteger(prefill.processed)} of ${formatInteger(prefill.total)} tokens
            </span>`
          : nothing
      }
    </div>`;
  }

  #foot(turn: Turn): TemplateResult {
    const note =
      turn.status === 'stopped'
        ? 'Stopped'
        : turn.status === 'failed'
          ? 'Interrupted'
          : turn.finishReason === 'length'
            ? 'The answer reached its limit of tokens'
            : '';
    return html`<div class="foot">
      ${versionsControl({
        id: turn.id,
        versions: this.versions,
        disabled: this.busy,
        choose: (detail) => this.dispatchEvent(new CustomEvent('bamba-version', { detail, bubbles: true })),
      })}
      ${
        turn.answer === ''
          ? nothing
          : html`<button
              class="icon-button small"
              type="button"
              aria-label="Copy answer"
              title="Copy"
              @click=${this.#copy}
            >
              ${this.copied === 'yes' ? tickIcon : copyIcon}
            </button>`
      }
      ${
        this.last
          ? html`<button
              class="icon-button small"
              type="button"
              aria-label="Answer again"
              title="Answer again"
              @click=${this.#regenerate}
            >
              ${againIcon}
            </button>`
          : nothing
      }
      ${note ? html`<span class="note">${note}</span>` : nothing}
      ${
        this.last && isUnfinished(turn)
          ? html`<button class="text-button" type="button" title="Continue this answer" @click=${this.#continue}>
              Continue
            </button>`
          : nothing
      }
      ${this.copied === 'refused' ? html`<span class="note">This page may not copy; select the text instead.</span>` : ''}
      ${turn.usage ? html`<span class="statistics">${factsLine(statisticsOf(turn.usage))}</span>` : nothing}
    </div>`;
  }

  readonly #regenerate = (): void => {
    this.dispatchEvent(new CustomEvent('bamba-regenerate', { bubbles: true }));
  };

  readonly #continue = (): void => {
    this.dispatchEvent(new CustomEvent('bamba-continue', { bubbles: true }));
  };

  readonly #edit = async (): Promise<void> => {
    this.editing = true;
    await this.updateComplete;
    const area = this.querySelector<HTMLTextAreaElement>('.editor textarea');
    if (!area) return;
    fitHeight(area);
    area.focus();
  };

  readonly #leaveEditor = async (): Promise<void> => {
    this.editing = false;
    await this.updateComplete;
    this.querySelector<HTMLButtonElement>('.edit')?.focus();
  };

  readonly #sendEdit = (): void => {
    const question = this.querySelector<HTMLTextAreaElement>('.editor textarea')?.value.trim() ?? '';
    if (!this.turn || question === '' || !this.settled) return;
    this.editing = false;
    const detail = { id: this.turn.id, question };
    this.dispatchEvent(new CustomEvent('bamba-edit', { detail, bubbles: true }));
  };

  readonly #onEditorKeydown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && !event.isComposing) {
      event.stopPropagation();
      void this.#leaveEditor();
    } else if (endsTyping(event) && event.target instanceof HTMLTextAreaElement) {
      event.preventDefault();
      this.#sendEdit();
    }
  };

  readonly #copy = async (): Promise<void> => {
    const done = await copyText(this.turn?.answer ?? '');
    this.copied = done ? 'yes' : 'refused';
    if (done) this.#announce('Answer copied.');
    clearTimeout(this.#copiedTimer);
    this.#copiedTimer = window.setTimeout(() => (this.copied = undefined), COPIED_MS);
  };

  readonly #onContentClick = async (event: Event): Promise<void> => {
    const button = (event.target as Element).closest<HTMLButtonElement>('button[data-copy-code]');
    const code = button?.closest('.code')?.querySelector('code')?.textContent;
    if (!button || code === undefined) return;
    const done = await copyText(code.replace(/\n$/, ''));
    button.textContent = done ? 'Copied' : 'Not allowed';
    if (done) this.#announce('Code copied.');
    window.setTimeout(() => (button.textContent = 'Copy'), COPIED_MS);
  };

  #announce(sentence: string): void {
    this.dispatchEvent(new CustomEvent('bamba-announce', { detail: sentence, bubbles: true }));
  }
}

// One question and its answer.

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { copyText } from './clipboard.ts';
import type { Usage } from '../engine/protocol.ts';
import type { Turn } from './conversation.ts';
import { formatInteger, formatRate, formatSeconds } from './format.ts';
import { againIcon, copyIcon, tickIcon } from './icons.ts';
import { loadMarkdown, MarkdownView } from './markdown.ts';

/** How long a button says that it has copied. */
const COPIED_MS = 1600;

/** Prompts shorter than this are read faster than their progress could be. */
const PREFILL_SHOWN_FROM = 256;

/**
 * A turn of the chat. Redraws only when its turn is replaced by another object.
 *
 * @fires bamba-regenerate - the button under the last answer.
 * @fires bamba-announce - `detail` is a sentence for screen readers.
 * @internal
 */
export class BambaTurn extends LitElement {
  static override properties = {
    turn: { attribute: false },
    name: { attribute: false },
    last: { type: Boolean },
    copied: { state: true },
  };

  declare turn: Turn | undefined;
  /** Who answers. */
  declare name: string;
  /** The last turn can be answered anew. */
  declare last: boolean;
  declare private copied: 'yes' | 'refused' | undefined;
  #markdown: MarkdownView | undefined;
  #copiedTimer = 0;

  constructor() {
    super();
    this.name = '';
    this.last = false;
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
      <div class="question" part="question">
        <h3 class="visually-hidden">You</h3>
        <p dir="auto">${turn.question}</p>
      </div>
      <div class="answer" part="answer" aria-busy=${turn.status === 'reading' || turn.status === 'writing'}>
        <h3 class="visually-hidden">${this.name}</h3>
        <div
          class=${`markdown ${turn.status === 'writing' ? 'writing' : ''}`}
          ?hidden=${turn.answer === ''}
          @click=${this.#onContentClick}
        ></div>
        ${turn.status === 'reading' || turn.status === 'queued' ? this.#waiting(turn) : nothing}
        ${turn.status === 'stopped' || turn.status === 'done' || turn.status === 'failed' ? this.#foot(turn) : nothing}
      </div>
    `;
  }

  protected override updated(changed: PropertyValues<this>): void {
    const before = changed.get('turn');
    if (!changed.has('turn') || !this.turn || before?.answer === this.turn.answer) return;
    const container = this.querySelector<HTMLElement>('.markdown');
    if (!container) return;
    this.#markdown ??= new MarkdownView(container);
    this.#markdown.update(this.turn.answer);
    if (container.classList.contains('plain')) void this.#parseWhenReady();
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
            ? 'Cut off at the longest answer allowed'
            : '';
    const { usage } = turn;
    const facts = usage
      ? [
          `${formatInteger(usage.completionTokens)} ${usage.completionTokens === 1 ? 'token' : 'tokens'}`,
          formatRate(usage.decodeTokensPerS),
          usage.timeToFirstTokenS > 0 ? `first after ${formatSeconds(usage.timeToFirstTokenS)}` : '',
        ]
      : [];
    return html`<div class="foot">
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
      ${this.copied === 'refused' ? html`<span class="note">This page may not copy; select the text instead.</span>` : ''}
      <span class="facts" title=${usage ? promptFacts(usage) : ''}>${facts.filter(Boolean).join(' · ')}</span>
    </div>`;
  }

  readonly #regenerate = (): void => {
    this.dispatchEvent(new CustomEvent('bamba-regenerate', { bubbles: true }));
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

/** What became of the prompt, for those who look twice. */
function promptFacts({ promptTokens, cachedTokens, prefillTokensPerS }: Usage): string {
  const kept = cachedTokens > 0 ? `, ${formatInteger(cachedTokens)} of them kept from before` : '';
  const rate = formatRate(prefillTokensPerS);
  return `Question and chat: ${formatInteger(promptTokens)} tokens${kept}${rate ? `; read at ${rate}` : ''}`;
}

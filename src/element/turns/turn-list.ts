// All turns of a chat. Only the newest are drawn until a person scrolls up: a chat of thousands of turns opens as fast as a
// short one.

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { TurnId } from '../chats/ids.ts';
import type { Turn } from '../conversation.ts';
import { formatInteger } from '../format.ts';

/** Turns that are drawn at first, and added with each step upwards. */
const STEP = 30;

/**
 * The list of turns.
 *
 * @internal
 */
export class BambaTurns extends LitElement {
  static override properties = {
    turns: { attribute: false },
    versions: { attribute: false },
    name: { attribute: false },
    busy: { type: Boolean },
    readonly: { type: Boolean },
    plain: { type: Boolean },
    chat: { attribute: false },
    shown: { state: true },
  };

  declare turns: readonly Turn[];
  /** All versions of a turn, the oldest first; the same list while it has the same ones. */
  declare versions: (id: TurnId) => readonly TurnId[];
  /** The name of the model. */
  declare name: string;
  /** An answer is being written. */
  declare busy: boolean;
  /** Nothing can be asked. */
  declare readonly: boolean;
  /** Answers continue the text before them, and are shown as they are. */
  declare plain: boolean;
  /** Which chat this is: another one begins at its end again. */
  declare chat: string | undefined;
  declare private shown: number;
  /** The version that was chosen with a button, which is gone once it is shown. */
  #chosen: { readonly id: TurnId; readonly later: boolean } | undefined;
  readonly #observer = new IntersectionObserver((entries) => {
    if (entries.some(({ isIntersecting }) => isIntersecting)) void this.#showEarlier();
  });

  constructor() {
    super();
    this.turns = [];
    this.versions = () => [];
    this.name = '';
    this.busy = false;
    this.readonly = false;
    this.plain = false;
    this.shown = STEP;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#observer.disconnect();
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('chat') && this.turns[0]?.id !== changed.get('turns')?.[0]?.id) this.shown = STEP;
  }

  protected override render(): TemplateResult {
    const hidden = Math.max(0, this.turns.length - this.shown);
    const last = this.turns.at(-1);
    const fixed = this.busy || this.readonly;
    return html`
      ${
        hidden === 0
          ? nothing
          : html`<button class="earlier text-button" type="button" @click=${this.#showEarlier}>
              Show ${formatInteger(2 * hidden)} earlier messages
            </button>`
      }
      <ol class="turns" start=${hidden + 1} @bamba-version=${this.#onVersion}>
        ${repeat(
          this.turns.slice(hidden),
          (turn) => turn.id,
          (turn) =>
            html`<li>
              <bamba-turn
                .turn=${turn}
                .versions=${this.versions(turn.id)}
                .name=${this.name}
                .plain=${this.plain}
                .last=${turn === last && !fixed}
                .settled=${!fixed}
                .busy=${this.busy}
              ></bamba-turn>
            </li>`,
        )}
      </ol>
    `;
  }

  protected override updated(): void {
    this.#observer.disconnect();
    const button = this.querySelector('.earlier');
    if (button) this.#observer.observe(button);
    void this.#refocus();
  }

  readonly #onVersion = ({ detail }: CustomEvent<TurnId>): void => {
    const from = this.turns.find(({ id }) => this.versions(id).includes(detail))?.id;
    const versions = this.versions(detail);
    this.#chosen = { id: detail, later: from === undefined || versions.indexOf(detail) > versions.indexOf(from) };
  };

  /** The focus stays on the same button while a person walks through the versions; at the end it moves to the other one. */
  async #refocus(): Promise<void> {
    const chosen = this.#chosen;
    const index = this.turns.findIndex(({ id }) => id === chosen?.id);
    if (!chosen || index < 0) return;
    this.#chosen = undefined;
    const drawn = [...this.querySelectorAll('bamba-turn')].at(index - this.turns.length);
    await drawn?.updateComplete;
    const [earlier, later] = drawn?.querySelectorAll<HTMLButtonElement>('.versions button') ?? [];
    const wanted = chosen.later ? later : earlier;
    (wanted?.disabled ? (chosen.later ? earlier : later) : wanted)?.focus();
  }

  readonly #showEarlier = async (): Promise<void> => {
    const box = this.closest<HTMLElement>('.scroller');
    const first = this.querySelector('.turns > li');
    const before = first?.getBoundingClientRect().top;
    this.shown = Math.min(this.turns.length, this.shown + STEP);
    await this.updateComplete;
    // The turns in sight stay where they were: a browser's own anchoring does nothing at the very top.
    if (!box || !first || before === undefined) return;
    box.scrollTop += first.getBoundingClientRect().top - before;
  };
}

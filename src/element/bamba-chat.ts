// The whole chat as one element. This module only defines the class; `define.ts` registers it.

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { EngineInfo, Usage } from '../engine/protocol.ts';
import type { BambaComposer } from './composer.ts';
import { Conversation, type Turn } from './conversation.ts';
import { createDefaultEngine } from './default-engine.ts';
import { EngineLoader, type CreateEngine } from './engine-loader.ts';
import type { Fault } from './faults.ts';
import { FollowScroll } from './follow-scroll.ts';
import { formatRate, formatSeconds } from './format.ts';
import { header } from './header.ts';
import { downIcon } from './icons.ts';
import { loadFailurePanel, loadingHeadline, loadingPanel } from './loading-panel.ts';
import { loadMarkdown } from './markdown.ts';
import { noWebgpuPanel, readSurroundings } from './no-webgpu-panel.ts';
import type { Theme } from './preferences.ts';
import { readSettings, writeSettings, type SettingOverrides } from './sampling-settings.ts';
import { adapterName, type BambaSettings } from './settings-dialog.ts';
import { styles } from './styles.ts';
import { ThemeController } from './theme.ts';
import { troubleBar } from './trouble-bar.ts';
import { welcome } from './welcome.ts';

/** Answers longer than this are announced by their length: a screen reader's own commands read them better. */
const SPOKEN_CHARACTERS = 400;

/**
 * A chat with a model that runs in this page.
 *
 * @example
 * <bamba-chat model="./models/lexicon/"></bamba-chat>
 *
 * @tag bamba-chat
 * @slot welcome - shown in the middle of an empty chat, instead of a plain greeting
 * @fires bamba-theme - the colours changed; `detail` is `'light'` or `'dark'`
 */
export class BambaChat extends LitElement {
  static override styles = styles;
  static override properties = {
    model: {},
    placeholder: {},
    suggestions: { attribute: false },
    createEngine: { attribute: false },
    overrides: { state: true },
    trouble: { state: true },
    announcement: { state: true },
  };

  /** URL of a model package. Relative URLs are taken from the page. */
  declare model: string;
  /** Shown in the empty input. */
  declare placeholder: string;
  /** Questions offered in an empty chat. */
  declare suggestions: readonly string[];
  /** Makes the engine; this library's own unless another is given. */
  declare createEngine: CreateEngine;
  declare private overrides: SettingOverrides;
  /** A question that failed; its text, unless an answer to it stays in the chat. */
  declare private trouble: { fault: Fault; question: string | undefined } | undefined;
  declare private announcement: string;

  readonly #loader = new EngineLoader(() => this.#onLoadChange());
  readonly #conversation = new Conversation(
    {
      changed: (streaming) => this.#onTurnsChange(streaming),
      ended: (turn) => this.#onEnded(turn),
      failed: (fault, question) => this.#onFailed(fault, question),
    },
    () => this.overrides,
  );
  readonly #scroll = new FollowScroll(this);
  readonly #theme = new ThemeController(this);
  #frame = 0;
  #lastUsage: Usage | undefined;
  /** The stage of loading that was announced: every stage once, however often its progress is reported. */
  #headline = '';

  constructor() {
    super();
    this.model = '';
    this.placeholder = '';
    this.suggestions = [];
    this.createEngine = createDefaultEngine;
    this.overrides = {};
    this.announcement = '';
  }

  /** What is loaded, once it is. */
  get info(): EngineInfo | undefined {
    return this.#loader.engine?.info;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('keydown', this.#onKeydown);
    // The first time `willUpdate` loads, once all properties are set.
    if (this.hasUpdated && this.#loader.state.kind === 'idle') this.#load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('keydown', this.#onKeydown);
    // Moving the element disconnects it for an instant only.
    queueMicrotask(() => {
      if (!this.isConnected) this.#loader.dispose();
    });
  }

  override focus(options?: FocusOptions): void {
    this.#composer?.focus(options);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('model')) this.overrides = readSettings(this.#modelUrl);
    if (changed.has('model') || changed.has('createEngine')) this.#load();
  }

  protected override updated(): void {
    // An empty chat is read from its beginning.
    this.#scroll.attach(
      this.#conversation.turns.length > 0 ? this.renderRoot.querySelector<HTMLElement>('.scroller') : undefined,
    );
  }

  protected override render(): TemplateResult {
    const { state } = this.#loader;
    const unavailable = state.kind === 'failed' && state.fault.code === 'webgpu_unavailable';
    return html`
      ${header({
        info: this.info,
        dark: this.#theme.dark,
        canClear: this.#conversation.turns.length > 0,
        newChat: this.#newChat,
        toggleColours: () => this.#theme.choose(this.#theme.dark ? 'light' : 'dark'),
        openSettings: this.#openSettings,
      })}
      <div class="scroller" part="conversation" role="region" aria-label="Conversation" tabindex="0">
        <div class="column">
          ${unavailable ? noWebgpuPanel(state.fault, readSurroundings(), this.#load) : this.#turns()}
        </div>
      </div>
      ${unavailable ? nothing : this.#dock()}
      <bamba-settings
        .overrides=${this.overrides}
        .info=${this.info}
        .theme=${this.#theme.choice}
        @bamba-settings=${this.#onSettings}
        @bamba-theme-choice=${(event: CustomEvent<Theme>) => this.#theme.choose(event.detail)}
      ></bamba-settings>
      <div class="visually-hidden" role="status">${this.announcement}</div>
    `;
  }

  #turns(): TemplateResult {
    const { turns, busy } = this.#conversation;
    if (turns.length === 0) return welcome(this.info?.model.name, this.suggestions, (question) => this.#ask(question));
    const last = turns.at(-1);
    const name = this.info?.model.name ?? 'Answer';
    return html`<ol class="turns" @bamba-regenerate=${this.#regenerate} @bamba-announce=${this.#onAnnounce}>
      ${repeat(
        turns,
        (turn) => turn.id,
        (turn) =>
          html`<li>
            <bamba-turn .turn=${turn} .name=${name} .last=${turn === last && !busy}></bamba-turn>
          </li>`,
      )}
    </ol>`;
  }

  #dock(): TemplateResult {
    const { state } = this.#loader;
    const name = this.info?.model.name;
    return html`<div class="dock" part="dock">
      <div class="dock-column">
        ${
          this.#scroll.following
            ? nothing
            : html`<button class="jump" type="button" @click=${this.#jump}>${downIcon} Jump to latest</button>`
        }
        ${state.kind === 'loading' ? loadingPanel(state.progress) : nothing}
        ${state.kind === 'failed' ? loadFailurePanel(state.fault, this.#load) : nothing}
        ${
          this.trouble
            ? troubleBar(this.trouble.fault, {
                askAgain: this.#askAgain,
                reloadAndAsk: this.#reloadAndAsk,
                openSettings: this.#openSettings,
                newChat: this.#newChat,
                dismiss: this.#dismiss,
              })
            : nothing
        }
        <bamba-composer
          placeholder=${this.placeholder || (name ? `Ask ${name}` : 'Ask a question')}
          ?busy=${this.#conversation.busy}
          ?disabled=${state.kind === 'failed'}
          @bamba-send=${(event: CustomEvent<string>) => this.#ask(event.detail)}
          @bamba-stop=${this.#stop}
        ></bamba-composer>
        <p class="status-line">${this.#statusLine()}</p>
      </div>
    </div>`;
  }

  #statusLine(): string {
    const { info } = this;
    if (!info) return '';
    const usage = this.#lastUsage;
    const facts = [adapterName(info.adapter)];
    if (usage)
      facts.push(formatRate(usage.decodeTokensPerS), `first token after ${formatSeconds(usage.timeToFirstTokenS)}`);
    return facts.filter(Boolean).join(' · ');
  }

  get #composer(): BambaComposer | null {
    return this.renderRoot.querySelector<BambaComposer>('bamba-composer');
  }

  get #modelUrl(): string {
    return new URL(this.model, document.baseURI).href;
  }

  readonly #load = (): void => {
    if (this.model !== '') void this.#loader.load(this.createEngine, { model: this.#modelUrl });
  };

  #onLoadChange(): void {
    const { state } = this.#loader;
    this.#conversation.setEngine(this.#loader.engine);
    const headline = state.kind === 'loading' ? loadingHeadline(state.progress) : '';
    if (headline !== this.#headline && headline !== '') this.#announce(headline);
    this.#headline = headline;
    if (state.kind === 'ready') {
      this.#announce(`${state.engine.info.model.name} is ready.`);
      void loadMarkdown();
    }
    if (state.kind === 'failed') {
      this.#takeBackQueued();
      // The other failures are alerts of their own.
      this.#announce(state.fault.code === 'webgpu_unavailable' ? state.fault.sentence : '');
    }
    this.requestUpdate();
  }

  #onTurnsChange(streaming: boolean): void {
    if (!streaming) {
      cancelAnimationFrame(this.#frame);
      this.#frame = 0;
      this.requestUpdate();
      return;
    }
    // Text may come faster than frames; what is drawn is at most once a frame.
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.requestUpdate();
    });
  }

  #onEnded(turn: Turn): void {
    if (turn.usage && turn.usage.completionTokens > 0) this.#lastUsage = turn.usage;
    if (turn.status === 'stopped') this.#announce('Stopped.');
    else if (turn.answer.length <= SPOKEN_CHARACTERS) this.#announce(turn.answer);
    else this.#announce(`The answer is complete: ${turn.answer.trim().split(/\s+/).length} words.`);
  }

  #onFailed(fault: Fault, question: string | undefined): void {
    this.trouble = { fault, question };
    this.#announce('');
    if (question === undefined) return;
    this.#composer?.restore(question);
    this.#refocus();
  }

  #announce(sentence: string): void {
    // A live region speaks when its text changes: the same sentence twice needs a difference that nobody hears.
    this.announcement = sentence !== '' && sentence === this.announcement ? `${sentence}\u00a0` : sentence;
  }

  /** Returns to the input after a button; not where that would open a keyboard over half of the screen. */
  #refocus(): void {
    if (!matchMedia('(pointer: coarse)').matches) this.focus();
  }

  #ask(question: string): void {
    if (this.#loader.state.kind === 'failed' || !this.#conversation.ask(question)) return;
    this.trouble = undefined;
    if (this.#composer?.text.trim() === question) this.#composer.clear();
    this.#scroll.jump();
    this.#refocus();
    this.#announce(this.info ? 'Answering.' : 'Your question is asked as soon as the model is ready.');
  }

  readonly #askAgain = (): void => {
    const question = this.trouble?.question;
    // What is in the input is the question as it was, or as it has been changed since.
    if (question === undefined) this.#regenerate();
    else this.#ask(this.#composer?.text.trim() || question);
  };

  readonly #reloadAndAsk = (): void => {
    this.#load();
    this.#askAgain();
  };

  readonly #regenerate = (): void => {
    this.trouble = undefined;
    this.#conversation.regenerate();
    this.#scroll.jump();
    this.#refocus();
    this.#announce('Answering again.');
  };

  readonly #stop = (): void => {
    this.#takeBackQueued();
    this.#conversation.stop();
    this.#refocus();
  };

  #takeBackQueued(): void {
    const question = this.#conversation.takeBackQueued();
    if (question !== undefined) this.#composer?.restore(question);
  }

  readonly #newChat = (): void => {
    this.trouble = undefined;
    this.#conversation.clear();
    this.#scroll.jump();
    this.#refocus();
    this.#announce('New chat.');
  };

  readonly #dismiss = (): void => {
    this.trouble = undefined;
    this.#refocus();
  };

  readonly #jump = (): void => {
    this.#scroll.jump();
    this.#refocus();
  };

  readonly #openSettings = (): void => {
    this.renderRoot.querySelector<BambaSettings>('bamba-settings')?.open();
  };

  readonly #onAnnounce = (event: CustomEvent<string>): void => this.#announce(event.detail);

  readonly #onSettings = (event: CustomEvent<SettingOverrides>): void => {
    this.overrides = event.detail;
    writeSettings(this.#modelUrl, this.overrides);
  };

  readonly #onKeydown = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || event.isComposing || !this.#conversation.busy) return;
    // Where the focus is nowhere in particular, Escape is meant for what is moving.
    if (!event.composedPath().includes(this) && document.activeElement !== document.body) return;
    event.preventDefault();
    this.#stop();
  };
}

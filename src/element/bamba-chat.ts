/**
 * The class of `<bamba-chat>`, for pages that register it themselves: `bamba-web/define` does it for all others. Importing
 * it has no effect on the page.
 *
 * @module
 */

import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import type { ChatMessage, EngineInfo, Usage } from '../engine/protocol.ts';
import { BambaError } from '../errors.ts';
import { Announcer } from './announcer.ts';
import { ChatAddress } from './history/chat-address.ts';
import { ChatOptions } from './chat-options.ts';
import { ChatSession } from './chat-session.ts';
import type { TurnId } from './chats/ids.ts';
import type { BambaComposer } from './composer/composer.ts';
import { dock } from './composer/dock.ts';
import { createDefaultEngine } from './default-engine.ts';
import { chatEvent } from './events.ts';
import { FollowScroll } from './follow-scroll.ts';
import { FrameUpdates } from './frame-updates.ts';
import { header } from './header.ts';
import { HistoryPanel } from './history/history-panel.ts';
import { ModelControl } from './models/model-control.ts';
import { ModelSettings } from './models/model-settings.ts';
import type { ModelOrder } from './models/model-switch.ts';
import type { BambaModels } from './models/models-dialog.ts';
import type { Theme } from './settings/preferences.ts';
import { PageEvents } from './page-events.ts';
import { messagesOf, requestFor, turnsOf } from './prompting.ts';
import { readingDock } from './composer/reading-dock.ts';
import { ScopedSettings } from './settings/scoped-settings.ts';
import type { BambaSettings } from './settings/settings-dialog.ts';
import { sheets } from './sheets.ts';
import { StatisticsSwitch } from './turns/statistics.ts';
import { styles } from './styles.ts';
import { ThemeController } from './theme.ts';
import { ToolsMenu } from './tools-menu.ts';
import { transcript } from './turns/transcript.ts';
import type { TroubleActions } from './trouble-bar.ts';

export type { CreateEngine } from './engines.ts';
export type { ChatEvents } from './events.ts';
export type { Theme } from './settings/preferences.ts';
export type { ModelPreset } from './models/presets.ts';
export type { Suggestion } from './suggestions.ts';

/**
 * A chat with a model that runs in this page: conversations that are kept, a choice of models, settings.
 *
 * @example
 * ```html
 * <bamba-chat model="./models/lexicon/"></bamba-chat>
 * ```
 *
 * @tag bamba-chat
 * @slot welcome - shown in the middle of an empty chat, instead of a plain greeting
 * @slot actions - buttons of the page's own, in the header; in its menu where it is narrow
 * @slot settings - sections of the page's own, at the end of the settings
 * @slot notice - what the page has to say, above the input
 * @fires bamba-ready - the model can answer; `detail` is its `EngineInfo`
 * @fires bamba-progress - loading goes on; `detail` is a `LoadProgress`
 * @fires bamba-question - a question was asked; `detail` has the `question`
 * @fires bamba-answer - an answer has ended; `detail` has `question`, `answer`, `finishReason` and `usage`
 * @fires bamba-error - loading or answering failed; `detail` has `code` and `message`
 * @fires bamba-model - another model, which a person chose, has loaded; `detail` has `model` and, for a checkpoint, `dtype`
 * @fires bamba-theme - the colours changed; `detail` is `'light'` or `'dark'`
 * @csspart header - the line at the top
 * @csspart history - the list of chats
 * @csspart conversation - the box that scrolls
 * @csspart question - what was asked
 * @csspart answer - what was answered
 * @csspart dock - everything below the conversation
 * @csspart composer - the input and its button
 * @csspart loading - the card with the progress of loading
 * @csspart failure - the card that says why loading failed
 * @csspart settings - the sheet with the settings
 * @csspart models - the sheet with the models
 * @csspart no-webgpu - what is shown where the browser has no WebGPU
 * @cssprop --bamba-ground - the background
 * @cssprop --bamba-surface - cards, sheets and the input
 * @cssprop --bamba-sunken - code, tables and the list of chats
 * @cssprop --bamba-tint - questions, and what the pointer is over
 * @cssprop --bamba-ink - text
 * @cssprop --bamba-muted - text beside the text
 * @cssprop --bamba-line - lines between things
 * @cssprop --bamba-edge - borders of inputs
 * @cssprop --bamba-accent - buttons and links
 * @cssprop --bamba-on-accent - text on buttons
 * @cssprop --bamba-danger - what went wrong
 * @cssprop --bamba-danger-tint - its background
 * @cssprop --bamba-font - the font
 * @cssprop --bamba-serif - the font of titles
 * @cssprop --bamba-mono - the font of code
 * @cssprop --bamba-measure - the width of the text at most
 */
export class BambaChat extends ChatOptions {
  /** @internal */
  static override styles = styles;

  readonly #session = new ChatSession(
    {
      changed: (streaming) => (streaming ? this.#updates.soon() : this.#updates.now()),
      announce: (sentence) => this.#announcer.say(sentence),
      fire: (name, detail) => this.dispatchEvent(chatEvent(name, detail)),
      restore: (question) => {
        this.#composer?.restore(question);
        this.#refocus();
      },
      opened: (draft) => this.#onOpened(draft),
      loaded: (order) => this.#onLoaded(order),
    },
    (turns, { info }) => ({
      ...requestFor(turns, info, this.#scoped.system),
      ...this.#conversation,
      ...this.pageSettings,
      ...this.#scoped.sampling,
    }),
  );
  readonly #settings = new ModelSettings(this);
  readonly #scoped = new ScopedSettings(this.#settings, this.#session.archive);
  readonly #control = new ModelControl({
    page: this,
    settings: this.#settings,
    session: this.#session,
    refocus: () => this.#refocus(),
  });
  readonly #panel = new HistoryPanel(this);
  readonly #address = new ChatAddress(this, {
    archive: this.#session.archive,
    open: (id) => this.#session.open(id),
    begin: () => this.newChat(),
  });
  readonly #scroll = new FollowScroll(this);
  readonly #theme = new ThemeController(this);
  readonly #menu = new ToolsMenu(this);
  readonly #statistics = new StatisticsSwitch(this);
  readonly #updates = new FrameUpdates(this);
  readonly #announcer = new Announcer(this);

  constructor() {
    super();
    // The page may not come back: it saves everything now.
    const leave = (): void => this.#session.archive.leave();
    this.addController(
      new PageEvents(this, { stop: this.#stop, search: () => this.#keepsChats && this.#panel.search(), leave }),
    );
  }

  /** The name of the chat, where it is kept: its state is kept with it. */
  get #conversation(): { conversation?: string } {
    const { current } = this.#session.archive;
    return this.#keepsChats && current !== undefined ? { conversation: current } : {};
  }

  /** The loaded model and its adapter; undefined before. */
  get info(): EngineInfo | undefined {
    return this.#session.info;
  }

  /** Whether an answer is being written, or waits for the model. */
  get busy(): boolean {
    return this.#session.busy;
  }

  /** The chat that is open, as messages. Setting them begins a new chat with them. */
  get messages(): readonly ChatMessage[] {
    return messagesOf(this.#session.turns);
  }

  set messages(messages: readonly ChatMessage[]) {
    this.#session.begin(turnsOf(messages));
  }

  /** Loads the model where `preload` is `none` or loading has failed. */
  load(): void {
    this.#control.load();
  }

  /**
   * Asks a question, as if it had been typed.
   *
   * @param question as plain text or Markdown
   * @returns the question, the answer and its counts, once it has ended, by itself or stopped
   * @throws BambaError `busy` while another is answered; whatever loading or answering fails with
   */
  async ask(question: string): Promise<{ question: string; answer: string; usage?: Usage | undefined }> {
    if (!this.#ask(question)) {
      throw new BambaError('busy', 'The question was not asked: another one is being answered, or there is no model.');
    }
    return this.#session.answer();
  }

  /** Stops the answer that is being written; what has come of it stays. */
  stop(): void {
    this.#session.stop();
  }

  /** Begins a new chat. */
  newChat(): void {
    this.#session.begin();
  }

  /**
   * Puts the cursor into the input.
   *
   * @param options as of any element's `focus`
   */
  override focus(options?: FocusOptions): void {
    this.#composer?.focus(options);
  }

  /** @internal */
  override connectedCallback(): void {
    super.connectedCallback();
    // The first time `willUpdate` does this, once all properties are set.
    if (!this.hasUpdated) return;
    if (this.has('history')) void this.#connect();
    if (this.#session.models.idle && this.preload !== 'none') this.#control.loadOwn();
  }

  /** @internal */
  override disconnectedCallback(): void {
    super.disconnectedCallback();
    // Moving the element disconnects it for an instant only.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#session.models.dispose();
      this.#session.archive.disconnect();
    });
  }

  /** Opens the list of chats, and the one that the hash names. */
  async #connect(): Promise<void> {
    await this.#session.archive.connect(this.history, this.#address.wanted);
    this.#address.arrived();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('theme')) {
      this.#theme.fallback = this.theme;
      this.#theme.apply();
    }
    if (changed.has('history') || changed.has('without')) {
      if (this.has('history')) void this.#connect();
      else this.#session.archive.disconnect();
    }
    const named = changed.has('model') || changed.has('dtype') || changed.has('revision');
    // A choice of an earlier visit holds until the page itself names another model.
    if (named) this.#settings.reset(!this.hasUpdated && this.has('models'));
    const loadedBy = ['engine', 'createEngine', 'contextLength', 'shareAcrossTabs'] as const;
    if (named || loadedBy.some((name) => changed.has(name))) {
      if (this.preload !== 'none' || this.engine || !this.#session.models.idle) this.#control.loadOwn();
    }
  }

  protected override updated(): void {
    // An empty chat is read from its beginning.
    const box = this.#session.turns.length > 0 ? this.renderRoot.querySelector<HTMLElement>('.scroller') : null;
    this.#scroll.attach(box);
  }

  protected override render(): TemplateResult {
    const { archive, models, turns, unavailable } = this.#session;
    const history = this.#keepsChats;
    const openModels = this.has('models') && !this.engine ? this.#openModels : undefined;
    return html`
      ${header({
        info: this.info,
        name: this.#control.name,
        state: this.#control.state,
        dark: this.#theme.dark,
        canBegin: turns.length > 0,
        historyOpen: this.#panel.open,
        menu: this.#menu,
        toggleHistory: history ? () => this.#panel.toggle() : undefined,
        openModels,
        newChat: this.#newChat,
        toggleColours: () => this.#paint(this.#theme.dark ? 'light' : 'dark'),
        openSettings: this.has('settings') ? this.#openSettings : undefined,
      })}
      <div
        class="body"
        @bamba-open=${this.#onOpenChat}
        @bamba-leave-search=${() => this.#panel.leaveSearch(() => this.#refocus())}
        @bamba-announce=${this.#onAnnounce}
      >
        ${history ? this.#panel.render(archive) : nothing}
        <div class=${this.#statistics.on ? 'main with-statistics' : 'main'}>
          ${transcript({
            session: this.#session,
            own: this.#control.isOwn,
            name: this.#settings.choice.model === '' ? '' : this.#control.name,
            preset: this.#control.preset,
            suggestions: this.#control.suggestions,
            ask: this.#ask,
            edit: this.#onEdit,
            regenerate: this.#regenerate,
            proceed: this.#continue,
            choose: ({ detail }) => this.#session.choose(detail),
            load: () => this.load(),
          })}
          ${
            unavailable
              ? this.#readingDock()
              : dock({
                  session: this.#session,
                  placeholder: this.placeholder,
                  hasModel: this.#settings.choice.model !== '',
                  atEnd: this.#scroll.following,
                  statistics: this.#statistics,
                  nameOf: ({ options }) => this.#control.nameOf(options),
                  loading: this.#control.actions(openModels),
                  jump: this.#afterAsking,
                  ask: this.#ask,
                  stop: this.#stop,
                  typing: (text) => (this.#session.archive.draft = text),
                  remedies: this.#remedies,
                })
          }
        </div>
      </div>
      ${sheets({
        presets: this.presets,
        models,
        asks: this.createEngine === createDefaultEngine,
        settings: this.#scoped,
        fallbacks: this.pageSettings,
        theme: this.#theme.choice,
        choose: ({ detail }) => this.#control.choose(detail),
        changed: () => this.requestUpdate(),
        paint: this.#paint,
        announce: this.#onAnnounce,
      })}
      ${this.#announcer.render()}
    `;
  }

  /** Without WebGPU the chats can still be read. */
  #readingDock(): TemplateResult | typeof nothing {
    const { archive, turns } = this.#session;
    if (turns.length === 0) return nothing;
    return readingDock({
      archive,
      atEnd: this.#scroll.following,
      jump: this.#afterAsking,
      explain: this.#newChat,
    });
  }

  /** There is a list of chats. */
  get #keepsChats(): boolean {
    return this.has('history') && this.#session.archive.available;
  }

  get #composer(): BambaComposer | null {
    return this.renderRoot.querySelector<BambaComposer>('bamba-composer');
  }

  readonly #paint = (theme: Theme): void => this.#theme.choose(theme);

  /** Returns to the input after a button; not where that would open a keyboard over half of the screen. */
  #refocus(): void {
    if (!matchMedia('(pointer: coarse)').matches) this.focus();
  }

  #onOpened(draft: string): void {
    this.#address.moved();
    const composer = this.#composer;
    if (composer && draft !== '') composer.text = draft;
    else composer?.clear();
    this.#scroll.jump();
    this.requestUpdate();
  }

  readonly #ask = (question: string): boolean => {
    if (this.#session.models.idle) this.#control.loadOwn();
    if (!this.#session.ask(question)) return false;
    if (this.#composer?.text.trim() === question) this.#composer.clear();
    this.#afterAsking();
    return true;
  };

  readonly #afterAsking = (): void => {
    this.#scroll.jump();
    this.#refocus();
  };

  readonly #remedies: TroubleActions = {
    askAgain: () => {
      const question = this.#session.trouble?.question;
      // The input has the question, perhaps changed since.
      if (question === undefined) this.#regenerate();
      else this.#ask(this.#composer?.text.trim() || question);
    },
    reloadAndAsk: () => {
      this.load();
      this.#remedies.askAgain();
    },
    openSettings: () => this.#openSettings(),
    newChat: () => this.#newChat(),
    dismiss: () => {
      this.#session.trouble = undefined;
      this.requestUpdate();
      this.#refocus();
    },
  };

  readonly #regenerate = (): void => {
    this.#session.regenerate();
    this.#afterAsking();
  };

  readonly #continue = (): void => {
    this.#session.continueLast();
    this.#afterAsking();
  };

  readonly #onEdit = ({ detail }: CustomEvent<{ id: TurnId; question: string }>): void => {
    this.#session.edit(detail.id, detail.question);
    this.#afterAsking();
  };

  readonly #stop = (): void => {
    this.stop();
    this.#refocus();
  };

  readonly #newChat = (): void => {
    const { text = '' } = this.#composer ?? {};
    const failed = this.#session.trouble?.question;
    this.newChat();
    // A question that the chat before could not take is asked in the new one.
    if (failed !== undefined && text !== '') this.#composer?.restore(text);
    this.#panel.closeDrawer();
    this.#refocus();
    this.#announcer.say('New chat.');
  };

  readonly #onOpenChat = async (event: CustomEvent<string>): Promise<void> => {
    await this.#session.open(event.detail);
    this.#panel.closeDrawer();
    await this.updateComplete;
    this.#refocus();
  };

  readonly #openSettings = (): void => {
    this.renderRoot.querySelector<BambaSettings>('bamba-settings')?.open();
  };

  readonly #openModels = (): void => {
    void this.renderRoot.querySelector<BambaModels>('bamba-models')?.open();
  };

  #onLoaded(order: ModelOrder): void {
    this.#control.keep(order);
    const { model, dtype } = order.options;
    this.dispatchEvent(chatEvent('bamba-model', { model, dtype }));
  }

  readonly #onAnnounce = (event: CustomEvent<string>): void => this.#announcer.say(event.detail);
}

// A chat without its view: it loads a model, asks questions and keeps chats.

import type { Engine, EngineInfo, EngineStatus, GenerationRequest } from '../engine/protocol.ts';
import { BambaError } from '../errors.ts';
import { ChatArchive } from './chats/chat-archive.ts';
import type { TurnId } from './chats/ids.ts';
import { forgetState } from './chats/kept-state.ts';
import { Conversation, type Turn } from './conversation.ts';
import type { ChatEventDetail, ChatEvents } from './events.ts';
import { sentenceOf } from './faults.ts';
import { formatInteger } from './format.ts';
import { loadingHeadline } from './models/loading-panel.ts';
import { loadMarkdown } from './markdown/markdown.ts';
import { ModelSwitch, type LoadFailure, type ModelOrder } from './models/model-switch.ts';

/** Answers longer than this are announced by their length: a screen reader's own commands read them better. */
const SPOKEN_CHARACTERS = 400;

/** The words of answers up to this are counted. */
const COUNTED_CHARACTERS = 200_000;

/** Events from the session to the element. */
export interface SessionView {
  /** Something to draw has changed; when it was only by text or progress, a frame later will do. */
  changed(streaming: boolean): void;
  /** A sentence for screen readers; an empty one takes back what has not been said. */
  announce(sentence: string): void;
  /** An event for the page. */
  fire<Name extends keyof ChatEvents>(name: Name, detail: ChatEventDetail<Name>): void;
  /** A question that was not answered comes back to the input. */
  restore(question: string): void;
  /** Another chat is open; `draft` is what was typed in it and not sent. */
  opened(draft: string): void;
  /** A model that a person asked for has loaded. */
  loaded(order: ModelOrder): void;
}

/** The state of one chat element. */
export class ChatSession {
  /** A question that failed; its text, unless an answer to it stays in the chat. */
  trouble: { fault: BambaError; question: string | undefined } | undefined;
  /** The engine's notice beside an answer, until the person dismisses it. */
  notice: string | undefined;
  readonly models: ModelSwitch;
  readonly archive: ChatArchive;
  readonly #conversation: Conversation;
  readonly #view: SessionView;
  /** The stage of loading that was announced: every stage once, however often its progress is reported. */
  #headline = '';
  /** The engine and the failure that were announced: each once. */
  #told: { engine: Engine | undefined; failure: LoadFailure | undefined } = { engine: undefined, failure: undefined };
  /** The status of an engine that lost its GPU or its worker, until it answers again. */
  recovery: EngineStatus | undefined;
  #unwatch = (): void => {};
  /** Those who wait for the answer that is being written. */
  #waiting: { resolve: (turn: Turn) => void; reject: (error: BambaError) => void }[] = [];

  /**
   * @param view where changes are reported
   * @param request what to ask the engine for the last of some turns
   */
  constructor(view: SessionView, request: (turns: readonly Turn[], engine: Engine) => GenerationRequest) {
    this.#view = view;
    this.#conversation = new Conversation(
      {
        changed: (streaming) => {
          const { all, tip } = this.#conversation;
          this.archive.note(all, this.info?.model.name ?? '', streaming, tip);
          if (!streaming) queueMicrotask(() => this.models.settle());
          view.changed(streaming);
        },
        ended: (turn) => this.#onEnded(turn),
        failed: (fault, question) => this.#onFailed(fault, question),
        noticed: (message) => {
          this.notice = message;
          view.changed(false);
        },
      },
      request,
    );
    this.models = new ModelSwitch({
      changed: () => this.#onModelChange(),
      loaded: (order) => view.loaded(order),
      busy: () => this.busy,
    });
    this.archive = new ChatArchive({
      changed: () => view.changed(false),
      deleted: (id) => void forgetState(id),
      opened: (turns, draft, tip) => {
        this.#conversation.show(turns, tip);
        // The same chat, changed elsewhere: what is being typed here stays.
        if (draft === undefined) return;
        this.trouble = undefined;
        view.opened(draft);
      },
    });
  }

  /** The loaded model and its adapter; undefined before. */
  get info(): EngineInfo | undefined {
    return this.models.engine?.info;
  }

  /** Why nothing can run in this browser. */
  get unavailable(): BambaError | undefined {
    const { engine, failure } = this.models;
    return !engine && failure?.fault.code === 'webgpu_unavailable' ? failure.fault : undefined;
  }

  /** The turns on the screen: of each turn one version. */
  get turns(): readonly Turn[] {
    return this.#conversation.turns;
  }

  /** All versions of a turn, the oldest first. */
  get versions(): (id: TurnId) => readonly TurnId[] {
    return this.#conversation.versions;
  }

  get busy(): boolean {
    return this.#conversation.busy;
  }

  /** Nothing answers, and nothing is on its way that will. */
  get stranded(): boolean {
    const { engine, failure, loading } = this.models;
    return failure !== undefined && !engine && !loading;
  }

  /** The model continues text: it has no chat template. */
  get completing(): boolean {
    return this.info?.model.hasChatTemplate === false;
  }

  /** Asks a question. Returns false, and does nothing, while another is answered, and where there is no model. */
  ask(question: string): boolean {
    if (this.stranded || !this.#conversation.ask(question)) return false;
    this.#asked(question);
    return true;
  }

  /** The answer to the question that was asked last. Rejects with what loading or answering fails with. */
  answer(): Promise<Turn> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  /** Asks another question in the place of an earlier one. */
  edit(id: TurnId, question: string): void {
    if (this.#conversation.edit(id, question)) this.#asked(question);
  }

  /** Answers the last question anew. */
  regenerate(): void {
    const last = this.turns.at(-1);
    if (last) this.edit(last.id, last.question);
  }

  /** Goes on with the last answer, which was stopped or cut off. */
  continueLast(): void {
    if (this.stranded || !this.#conversation.continueLast()) return;
    this.trouble = undefined;
    this.#view.announce('Going on with the answer.');
    this.#view.changed(false);
  }

  /** Shows another version of a turn, and what follows it. */
  choose(id: TurnId): void {
    if (!this.#conversation.choose(id)) return;
    const versions = this.versions(id);
    this.#view.announce(`Version ${versions.indexOf(id) + 1} of ${versions.length}.`);
  }

  /** Ends the answer that is being written. */
  stop(): void {
    this.takeBackQueued();
    this.#conversation.stop();
  }

  /** A question that nobody has begun to answer goes back to the input. */
  takeBackQueued(): void {
    const question = this.#conversation.takeBackQueued();
    if (question !== undefined) this.#view.restore(question);
  }

  /** The engine's notice has been read. */
  dismissNotice(): void {
    this.notice = undefined;
    this.#view.changed(false);
  }

  /** Begins a new chat, with these turns if any. */
  begin(turns: readonly Turn[] = []): void {
    this.#leave();
    this.archive.begin();
    if (turns.length > 0) this.#conversation.show(turns);
  }

  /** Opens a chat of the list. */
  async open(id: string): Promise<void> {
    this.#leave();
    await this.archive.open(id);
  }

  /** Ends what is being written here, so that it is saved as far as it came. */
  #leave(): void {
    this.takeBackQueued();
    this.#conversation.interrupt();
    this.#reject(new BambaError('aborted', 'Another chat was opened.'));
  }

  #asked(question: string): void {
    this.trouble = undefined;
    this.#view.announce(this.info ? 'Answering.' : 'Your question waits until the model is ready.');
    this.#view.fire('bamba-question', { question });
  }

  #onModelChange(): void {
    const { engine, failure, loading } = this.models;
    const told = this.#told;
    this.#told = { engine, failure };
    this.#conversation.setEngine(engine);
    const headline = loading && !loading.waiting ? loadingHeadline(loading.progress) : '';
    if (headline !== this.#headline && headline !== '') this.#view.announce(headline);
    this.#headline = headline;
    if (loading?.progress) this.#view.fire('bamba-progress', loading.progress);
    if (engine !== told.engine) this.#watch(engine);
    if (engine && engine !== told.engine) {
      this.#view.announce(`${engine.info.model.name} is ready.`);
      this.#view.fire('bamba-ready', engine.info);
      void loadMarkdown();
    }
    if (failure && failure !== told.failure) this.#onLoadFailed(failure);
    this.#view.changed(false);
  }

  /** Hears of losses of the engine that answers, and of no other. */
  #watch(engine: Engine | undefined): void {
    this.#unwatch();
    this.recovery = undefined;
    this.#unwatch =
      engine?.onStatus?.((status) => {
        const before = this.recovery;
        this.recovery = status.status === 'recovering' ? status : undefined;
        // A try that begins, not each step of it. A failure is told of by the question that meets with it.
        const news = status.status === 'ready' || (this.recovery && before?.attempt !== status.attempt);
        if (news) this.#view.announce(status.message);
        this.#view.changed(status.progress !== undefined);
      }) ?? (() => {});
  }

  #onLoadFailed({ fault }: LoadFailure): void {
    // The other failures are alerts of their own.
    this.#view.announce(this.unavailable ? sentenceOf(this.unavailable) : '');
    if (!this.stranded) {
      this.#view.fire('bamba-error', { code: fault.code, message: fault.message });
      return;
    }
    this.takeBackQueued();
    this.#report(fault);
  }

  #onEnded(turn: Turn): void {
    const { question, answer, finishReason, usage } = turn;
    if (turn.status === 'stopped') this.#view.announce('Stopped.');
    else if (answer.length <= SPOKEN_CHARACTERS) this.#view.announce(answer);
    else this.#view.announce(`The answer is complete: ${lengthOf(answer)}.`);
    for (const { resolve } of this.#waiting.splice(0)) resolve(turn);
    this.#view.fire('bamba-answer', { question, answer, finishReason, usage });
  }

  #onFailed(fault: BambaError, question: string | undefined): void {
    this.trouble = { fault, question };
    this.#view.announce('');
    this.#report(fault);
    if (question !== undefined) this.#view.restore(question);
    this.#view.changed(false);
  }

  #report(fault: BambaError): void {
    this.#reject(fault);
    this.#view.fire('bamba-error', { code: fault.code, message: fault.message });
  }

  #reject(error: BambaError): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/** How long a text is, for those who hear of it. The words of a huge one are not counted: that would take too long. */
function lengthOf(text: string): string {
  if (text.length > COUNTED_CHARACTERS) return `${formatInteger(text.length)} characters`;
  return `${text.trim().split(/\s+/).length} words`;
}

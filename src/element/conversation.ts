// The chat itself, apart from how it is drawn: turns, one of which may be streaming. Where a question was changed or
// answered anew, all versions stay, and one of them is shown. Turns are replaced, never changed in place, so that a view
// can tell by identity which of them to draw again.

import type { Engine, FinishReason, GenerationEvent, GenerationRequest, Usage } from '../engine/protocol.ts';
import { asBambaError, type BambaError } from '../errors.ts';
import { newTurnId, type TurnId } from './chats/ids.ts';
import { TurnTree } from './chats/turn-tree.ts';

/**
 * `queued`: asked before the model was ready. `reading`: the prompt is processed. `writing`: text streams in.
 * `done`, `stopped` by the person, `failed` after some text had come.
 */
export type TurnStatus = 'queued' | 'reading' | 'writing' | 'done' | 'stopped' | 'failed';

/** A question and its answer. */
export interface Turn {
  readonly id: TurnId;
  /** The turn that it follows; undefined where it follows all that was said before. */
  readonly after?: TurnId | undefined;
  /** The turn in whose place it stands, as another version of it. */
  readonly instead?: TurnId | undefined;
  readonly question: string;
  readonly answer: string;
  readonly status: TurnStatus;
  /** Tokens of the prompt processed so far, while `reading`. */
  readonly prefill?: { processed: number; total: number } | undefined;
  readonly finishReason?: FinishReason | undefined;
  readonly usage?: Usage | undefined;
  /** The turn that was the last one in sight: what is shown again should this one fail before any text. */
  readonly former?: TurnId | undefined;
}

/** Events from a conversation to its view. */
export interface ConversationEvents {
  /** Turns changed; `streaming` when it was only by text or progress, which a view may draw a frame later. */
  changed(streaming: boolean): void;
  /** An answer ended, by itself or by the person. */
  ended(turn: Turn): void;
  /** A question failed. `restored` is its text when the turn was taken back because nothing had been answered. */
  failed(fault: BambaError, restored: string | undefined): void;
  /** The engine says something beside an answer. */
  noticed?(message: string): void;
}

/** A chat with one engine at a time. */
export class Conversation {
  #all: readonly Turn[] = [];
  #tip: TurnId | undefined;
  #tree = new TurnTree([]);
  #shown: readonly Turn[] = [];
  readonly #events: ConversationEvents;
  readonly #request: (turns: readonly Turn[], engine: Engine) => GenerationRequest;
  #engine: Engine | undefined;
  #running: Run | undefined;

  /**
   * @param events where changes are reported
   * @param request what to ask the engine for the last of some turns
   */
  constructor(events: ConversationEvents, request: (turns: readonly Turn[], engine: Engine) => GenerationRequest) {
    this.#events = events;
    this.#request = request;
  }

  /** The turns on the screen: of each turn one version. */
  get turns(): readonly Turn[] {
    return this.#shown;
  }

  /** All versions of all turns, in the order in which they were asked. */
  get all(): readonly Turn[] {
    return this.#all;
  }

  /** One of the turns that are shown; undefined where nobody has asked, or chosen among versions. */
  get tip(): TurnId | undefined {
    return this.#tip;
  }

  /** All versions of a turn, the oldest first; the same list until a turn comes or goes. */
  readonly versions = (id: TurnId): readonly TurnId[] => this.#tree.versions(id);

  /** True from a question until its answer has ended, also while it waits for the model. */
  get busy(): boolean {
    const last = this.turns.at(-1);
    return last?.status === 'queued' || (last !== undefined && last.id === this.#running?.id);
  }

  /** Gives the engine that answers from now on, and asks a queued question; `undefined` while there is none. */
  setEngine(engine: Engine | undefined): void {
    if (this.#engine === engine) return;
    this.#engine = engine;
    // The engine of this run is gone; its loop may never hear of it, so the turn ends here.
    this.interrupt();
    this.#startQueued();
  }

  /** Ends the answer that is being written without waiting for the engine. */
  interrupt(): void {
    const run = this.#running;
    if (!run) return;
    this.#running = undefined;
    run.controller.abort();
    this.#conclude(run.id, { fault: undefined, finishReason: 'abort', usage: undefined });
  }

  /** Asks a question, or queues it until there is an engine. Returns false, and does nothing, while busy. */
  ask(question: string): boolean {
    if (this.busy || question.trim() === '') return false;
    const after = this.turns.at(-1)?.id;
    return this.#begin({ question, ...(after !== undefined && { after }) });
  }

  /** Goes on with the last answer, which was stopped or cut off. Returns false, and does nothing, while busy. */
  continueLast(): boolean {
    const last = this.turns.at(-1);
    if (this.busy || !last || !isUnfinished(last)) return false;
    this.#change(last.id, { status: 'queued', prefill: undefined }, false);
    this.#startQueued();
    return true;
  }

  /** Answers the last question anew. The answer there was stays, as another version. */
  regenerate(): void {
    const last = this.turns.at(-1);
    if (last) this.edit(last.id, last.question);
  }

  /**
   * Asks a changed question as another version of an earlier one. The turns from there on give way, and can be shown again.
   * Should the new one fail before any text, that happens by itself. Returns false, and does nothing, while busy.
   */
  edit(id: TurnId, question: string): boolean {
    const known = this.turns.some((turn) => turn.id === id);
    if (this.busy || !known || question.trim() === '') return false;
    return this.#begin({ question, instead: id, former: this.turns.at(-1)?.id });
  }

  /** Shows another version of a turn, and what follows it. Returns false, and does nothing, while busy. */
  choose(id: TurnId): boolean {
    if (this.busy || !this.#find(id)) return false;
    this.#set(this.#all, id);
    this.#events.changed(false);
    return true;
  }

  /** Ends the answer that is being written; what has come of it stays. */
  stop(): void {
    this.#running?.controller.abort();
  }

  /** Removes a question that no engine has begun to answer. Returns its text, unless an earlier answer took its place. */
  takeBackQueued(): string | undefined {
    const last = this.turns.at(-1);
    if (last?.status !== 'queued') return undefined;
    if (last.answer === '') return this.#takeBack(last);
    // The former answer stays as it is.
    this.#change(last.id, { status: 'stopped' }, false);
    return undefined;
  }

  /**
   * Shows other turns: those of another chat, or none for a new one.
   *
   * @param tip one of those that are in sight, where some have several versions
   */
  show(turns: readonly Turn[], tip?: TurnId): void {
    this.interrupt();
    this.#set(turns, tip);
    this.#events.changed(false);
  }

  #begin(asked: Omit<Turn, 'id' | 'answer' | 'status'>): true {
    const turn: Turn = { id: newTurnId(this.#all.at(-1)?.id), answer: '', status: 'queued', ...asked };
    this.#set([...this.#all, turn], turn.id);
    this.#events.changed(false);
    this.#startQueued();
    return true;
  }

  /** Takes these turns, and shows those around `tip`. */
  #set(all: readonly Turn[], tip: TurnId | undefined): void {
    this.#all = all;
    this.#tip = tip;
    this.#tree = new TurnTree(all);
    const byId = new Map(all.map((turn) => [turn.id, turn]));
    this.#shown = this.#tree.path(tip).map((id) => byId.get(id) as Turn);
  }

  #startQueued(): void {
    const last = this.turns.at(-1);
    if (this.#engine && !this.#running && last?.status === 'queued') void this.#answer(this.#engine, last);
  }

  async #answer(engine: Engine, turn: Turn): Promise<void> {
    const run: Run = { controller: new AbortController(), id: turn.id };
    const { signal } = run.controller;
    this.#running = run;
    this.#change(turn.id, { status: 'reading' }, false);
    const outcome: Outcome = { fault: undefined, finishReason: 'abort', usage: undefined };
    try {
      const upToHere = this.turns.slice(0, this.turns.findIndex(({ id }) => id === turn.id) + 1);
      const request = this.#request(upToHere, engine);
      for await (const event of engine.generate(request, { signal })) {
        if (this.#running !== run) return;
        if (event.type === 'end') {
          outcome.finishReason = event.finishReason;
          outcome.usage = event.usage;
        } else if (event.type === 'notice') this.#events.noticed?.(event.message);
        else this.#progress(turn.id, event);
      }
    } catch (error) {
      // An abort that surfaces as an exception is what the person asked for, not a fault.
      if (!signal.aborted) outcome.fault = asBambaError(error);
    }
    if (this.#running !== run) return;
    this.#running = undefined;
    this.#conclude(turn.id, outcome);
    this.#startQueued();
  }

  #progress(id: TurnId, event: Exclude<GenerationEvent, { type: 'end' | 'notice' }>): void {
    if (event.type === 'prefill') {
      this.#change(id, { prefill: { processed: event.processed, total: event.total } }, true);
    } else if (event.type === 'text') {
      const answer = (this.#find(id)?.answer ?? '') + event.text;
      this.#change(id, { status: 'writing', answer }, true);
    }
  }

  #conclude(id: TurnId, { fault, finishReason, usage }: Outcome): void {
    const turn = this.#find(id);
    if (!turn) return;
    if (fault && turn.answer === '') {
      const restored = this.#takeBack(turn);
      this.#events.failed(fault, restored);
      return;
    }
    const status: TurnStatus = fault ? 'failed' : finishReason === 'abort' ? 'stopped' : 'done';
    const ended = this.#change(id, { status, finishReason, usage, former: undefined }, false);
    if (fault) this.#events.failed(fault, undefined);
    else if (ended) this.#events.ended(ended);
  }

  /** Removes a turn that has no answer; what was in sight before is shown again. Returns what is to be typed again. */
  #takeBack({ id, question, after, instead, former }: Turn): string | undefined {
    const other = instead === undefined ? undefined : this.#find(instead);
    this.#set(
      this.#all.filter((turn) => turn.id !== id),
      former ?? after,
    );
    this.#events.changed(false);
    // A question that was asked before is there again; one that was changed would be lost.
    return other?.question === question ? undefined : question;
  }

  #find(id: TurnId): Turn | undefined {
    return this.#all.findLast((turn) => turn.id === id);
  }

  #change(id: TurnId, change: Partial<Turn>, streaming: boolean): Turn | undefined {
    const turn = this.#find(id);
    if (!turn) return undefined;
    const changed = { ...turn, ...change };
    this.#all = replaced(this.#all, changed);
    this.#shown = replaced(this.#shown, changed);
    this.#events.changed(streaming);
    return changed;
  }
}

/** Whether an answer has begun and not come to its own end. */
export function isUnfinished({ answer, status, finishReason }: Turn): boolean {
  if (answer === '') return false;
  return status === 'stopped' || status === 'failed' || (status === 'done' && finishReason === 'length');
}

/** A list with a turn in the place of the one of the same name, where that is in it. */
function replaced(turns: readonly Turn[], turn: Turn): readonly Turn[] {
  const index = turns.findLastIndex(({ id }) => id === turn.id);
  return index < 0 ? turns : turns.with(index, turn);
}

/** The answer being written. */
interface Run {
  readonly controller: AbortController;
  readonly id: TurnId;
}

/** How an answer ended. */
interface Outcome {
  fault: BambaError | undefined;
  finishReason: FinishReason;
  usage: Usage | undefined;
}

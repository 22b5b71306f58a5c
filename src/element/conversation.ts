// The chat itself, apart from how it is drawn: a list of turns, one of which may be streaming. Turns are replaced,
// never changed in place, so that a view can tell by identity which of them to draw again.

import type { Engine, FinishReason, GenerationEvent, GenerationRequest, Usage } from '../engine/protocol.ts';
import { newTurnId, type TurnId } from './chats/ids.ts';
import { asFault, type Fault } from './faults.ts';

/**
 * `queued`: asked before the model was ready. `reading`: the prompt is processed. `writing`: text streams in.
 * `done`, `stopped` by the person, `failed` after some text had come.
 */
export type TurnStatus = 'queued' | 'reading' | 'writing' | 'done' | 'stopped' | 'failed';

/** A question and its answer. */
export interface Turn {
  readonly id: TurnId;
  readonly question: string;
  readonly answer: string;
  readonly status: TurnStatus;
  /** Tokens of the prompt processed so far, while `reading`. */
  readonly prefill?: { processed: number; total: number } | undefined;
  readonly finishReason?: FinishReason | undefined;
  readonly usage?: Usage | undefined;
  /** The turns in whose place this one stands; they come back should it fail before any text. */
  readonly replaces?: readonly Turn[] | undefined;
}

/** What a conversation tells its view. */
export interface ConversationEvents {
  /** Turns changed; `streaming` when it was only by text or progress, which a view may draw a frame later. */
  changed(streaming: boolean): void;
  /** An answer ended, by itself or by the person. */
  ended(turn: Turn): void;
  /** A question failed. `restored` is its text when the turn was taken back because nothing had been answered. */
  failed(fault: Fault, restored: string | undefined): void;
}

/** A chat with one engine at a time. */
export class Conversation {
  turns: readonly Turn[] = [];
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
    this.turns = [...this.turns, { id: newTurnId(this.turns.at(-1)?.id), question, answer: '', status: 'queued' }];
    this.#events.changed(false);
    this.#startQueued();
    return true;
  }

  /** Answers the last question anew. Should that fail before any text, the answer there was stays. */
  regenerate(): void {
    const last = this.turns.at(-1);
    if (last) this.edit(last.id, last.question);
  }

  /**
   * Asks another question in the place of an earlier one; everything from there on gives way. Should the new one fail
   * before any text, all of it comes back. Returns false, and does nothing, while busy.
   */
  edit(id: TurnId, question: string): boolean {
    const index = this.turns.findIndex((turn) => turn.id === id);
    if (this.busy || index < 0 || question.trim() === '') return false;
    const replaces = this.turns.slice(index);
    const again: Turn = { id: newTurnId(this.turns.at(-1)?.id), question, answer: '', status: 'queued', replaces };
    this.turns = [...this.turns.slice(0, index), again];
    this.#events.changed(false);
    this.#startQueued();
    return true;
  }

  /** Ends the answer that is being written; what has come of it stays. */
  stop(): void {
    this.#running?.controller.abort();
  }

  /** Removes a question that no engine has begun to answer. Returns its text, unless an earlier answer took its place. */
  takeBackQueued(): string | undefined {
    const last = this.turns.at(-1);
    return last?.status === 'queued' ? this.#takeBack(last) : undefined;
  }

  /** Shows other turns: those of another chat, or none for a new one. */
  show(turns: readonly Turn[]): void {
    this.interrupt();
    this.turns = turns;
    this.#events.changed(false);
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
        } else this.#progress(turn.id, event);
      }
    } catch (error) {
      // An abort that surfaces as an exception is what the person asked for, not a fault.
      if (!signal.aborted) outcome.fault = asFault(error);
    }
    if (this.#running !== run) return;
    this.#running = undefined;
    this.#conclude(turn.id, outcome);
    this.#startQueued();
  }

  #progress(id: TurnId, event: Exclude<GenerationEvent, { type: 'end' }>): void {
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
    const ended = this.#change(id, { status, finishReason, usage, replaces: undefined }, false);
    if (fault) this.#events.failed(fault, undefined);
    else if (ended) this.#events.ended(ended);
  }

  /** Removes a turn that has no answer; those that it would have replaced return. Returns what is to be typed again. */
  #takeBack(turn: Turn): string | undefined {
    const { replaces } = turn;
    this.turns = this.turns.flatMap((each) => (each.id !== turn.id ? [each] : (replaces ?? [])));
    this.#events.changed(false);
    // A question that was asked before is there again; one that was changed would be lost.
    return replaces?.[0]?.question === turn.question ? undefined : turn.question;
  }

  #find(id: TurnId): Turn | undefined {
    return this.turns.findLast((turn) => turn.id === id);
  }

  #change(id: TurnId, change: Partial<Turn>, streaming: boolean): Turn | undefined {
    const index = this.turns.findLastIndex((turn) => turn.id === id);
    const turn = this.turns[index];
    if (!turn) return undefined;
    const changed = { ...turn, ...change };
    this.turns = this.turns.with(index, changed);
    this.#events.changed(streaming);
    return changed;
  }
}

/** The answer being written. */
interface Run {
  readonly controller: AbortController;
  readonly id: TurnId;
}

/** How an answer ended. */
interface Outcome {
  fault: Fault | undefined;
  finishReason: FinishReason;
  usage: Usage | undefined;
}

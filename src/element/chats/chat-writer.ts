// Saves one chat as it changes, until all of it is saved. Failed writes are tried again, later and later. Meanwhile the chat
// knows why it is not saved.

import { asBambaError, type BambaError } from '../../errors.ts';
import type { Turn } from '../conversation.ts';
import type { OwnSettings } from '../settings/own-settings.ts';
import { storedTurn, titleOf, type ChatSummary, type LoadedChat } from './chat-record.ts';
import type { ChatChange, ChatStore, SaveOutcome } from './chat-store.ts';
import { sameTurn } from './copies.ts';
import { newId, type TurnId } from './ids.ts';

/** An answer that is being written is saved this often, in milliseconds; a long one less often. */
const SAVE_EVERY = 1000;

/** So many characters of an answer make that time as long again: each time, all of the answer is written. */
const CHARACTERS_A_SECOND = 500_000;

/** After a failure, the next attempt comes after the first of these; the last is the longest pause. */
const RETRY_MS = { first: 500, longest: 30_000 };

/** The owner of a writer. */
export interface WriterHost {
  /** Where to write; undefined where nothing is kept, or not yet. */
  store(): ChatStore | undefined;
  /** The chat has got an id, before its first writing. */
  named(): void;
  /** Writing has begun: this is what the list will say. */
  writing(summary: ChatSummary, isNew: boolean): void;
  /** Writing or reading has ended, or failed; `changed` where the turns are now those that others have changed. */
  written(outcome: SaveOutcome | undefined, changed: boolean): void;
}

/** The changes that the database does not have yet. */
interface Difference {
  readonly kept: readonly Turn[];
  readonly changed: readonly Turn[];
  readonly removed: readonly TurnId[];
  readonly tip: TurnId | undefined;
}

/** What was known when the database was asked. */
interface Moment {
  /** Changes by others that were heard of: the reply has them all. */
  readonly heard: number;
  /** Writings that were begun here: the reply has them all. */
  readonly begun: number;
}

/** The chat that is open, or one that was open and is not saved yet. */
export class ChatWriter {
  /** Undefined until the first question is asked. */
  id: string | undefined;
  /** Another tab has deleted the chat: nothing is written any more. */
  gone = false;
  /** Why the chat is not saved; undefined where it is, or is being saved. */
  fault: BambaError | undefined;
  /** Turns of the chat that cannot be read. */
  unreadable = 0;
  /** Undefined until there is a question to make it of. */
  title: string | undefined;
  /** A turn of those that are shown; undefined where nobody has chosen among versions. */
  tip: TurnId | undefined;
  /** Settings of the chat alone; undefined where it has none. */
  own: OwnSettings | undefined;
  readonly #host: WriterHost;
  #turns: readonly Turn[] = [];
  #model = '';
  #createdAt = 0;
  /** Turns as they are in the database; the same object means that nothing has changed. */
  #saved = new Map<TurnId, Turn>();
  /** Ids of turns that were written at least once, perhaps without success. */
  #known = new Set<TurnId>();
  #revision = 0;
  /** Writings under way: each will raise the revision by one. */
  #underWay = 0;
  /** Changes by others that were heard of, and how many of them what is shown has for certain. */
  #heard = 0;
  #seen = 0;
  /** Writings that were begun here: what was read before the last of them may lack it. */
  #begun = 0;
  #issued: Pick<ChatWriter, 'turns' | 'tip' | 'own'> | undefined;
  #savedTip: TurnId | undefined;
  #savedOwn: OwnSettings | undefined;
  #pending: Promise<void> = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #pauseMs = RETRY_MS.first;

  /** @param chat as it was read; undefined for a new one */
  constructor(host: WriterHost, chat?: LoadedChat) {
    this.#host = host;
    if (chat) this.#adopt(chat);
  }

  /** The turns as they are now. */
  get turns(): readonly Turn[] {
    return this.#turns;
  }

  /** An answer is awaited or written. */
  get busy(): boolean {
    const status = this.#turns.at(-1)?.status;
    return status === 'queued' || status === 'reading' || status === 'writing';
  }

  /** Others have changed the chat since it was read here. */
  get stale(): boolean {
    return this.#seen !== this.#heard;
  }

  /** Something that was said is not in the database. */
  get unsaved(): boolean {
    return this.#difference() !== undefined;
  }

  /** There is nothing more to be written. */
  get settled(): boolean {
    return this.gone || (this.#underWay === 0 && !this.unsaved);
  }

  /** Others have changed the chat, or may have: it is read again with the next `flush`. */
  hear(): void {
    this.#heard++;
  }

  /** The chat is in the list again, after it was deleted elsewhere: what is not saved is saved with the next `flush`. */
  revive(): void {
    this.gone = false;
    this.hear();
  }

  /** Begins a new chat with the same turns. */
  renew(): void {
    this.id = undefined;
    this.gone = false;
    this.#seen = this.#heard;
    this.unreadable = 0;
    this.#createdAt = 0;
    this.#revision = 0;
    this.#saved.clear();
    this.#known.clear();
    this.#issued = undefined;
    this.#savedTip = undefined;
    this.#savedOwn = undefined;
    void this.flush();
  }

  /** Notes the turns as they are now: saved at once, or a while later when they are `streaming`. */
  note(turns: readonly Turn[], model: string, streaming: boolean, tip: TurnId | undefined): void {
    this.#turns = turns;
    this.#model = model;
    this.tip = tip;
    if (!this.#host.store()) return;
    const length = streaming ? (turns.at(-1)?.answer.length ?? 0) : 0;
    const wait = SAVE_EVERY * (1 + length / CHARACTERS_A_SECOND);
    if (!streaming) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), wait);
  }

  /** Saves what is not saved. Resolves when that has ended, well or not. */
  flush(): Promise<void> {
    this.#stopTimers();
    const store = this.#host.store();
    // The write that is under way already says the same.
    const issued = this.#underWay > 0 ? this.#issued : undefined;
    const same = issued?.turns === this.#turns && issued.tip === this.tip && issued.own === this.own;
    if (!store || this.gone || same) return this.#pending;
    const change = this.#change();
    if (change) this.#queue(this.#write(store, change));
    else if (this.stale && !this.busy && this.id !== undefined) this.#queue(this.#reread(store, this.id));
    return this.#pending;
  }

  /** Saves without waiting for any reply: the page is being closed. Returns what has to be saved by the next page. */
  leave(): ChatChange | undefined {
    const store = this.#host.store();
    const change = store && !this.gone ? this.#change() : undefined;
    if (!change || store?.saveAtOnce(change)) return undefined;
    const { turns: _turns, ...rest } = change;
    return rest;
  }

  /** Gives up what is not saved. */
  stop(): void {
    this.#stopTimers();
    this.gone = true;
  }

  #queue(work: Promise<void>): void {
    this.#pending = Promise.all([this.#pending, work]).then(() => undefined);
  }

  #stopTimers(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#retry);
    this.#timer = undefined;
  }

  #difference(): Difference | undefined {
    // Until another version has an answer, the one before is shown: should the page close now, it is shown again.
    const waiting = (turn: Turn): boolean => turn.answer === '' && turn.former !== undefined;
    const kept = this.#turns.filter((turn) => !waiting(turn));
    const unanswered = this.#turns.find((turn) => turn.id === this.tip && waiting(turn));
    const tip = unanswered?.former ?? this.tip;
    const changed = kept.filter((turn) => this.#saved.get(turn.id) !== turn);
    const here = new Set(kept.map(({ id }) => id));
    const removed = [...this.#known].filter((id) => !here.has(id));
    const described = tip === this.#savedTip && this.own === this.#savedOwn;
    const same = changed.length === 0 && removed.length === 0 && described;
    return same ? undefined : { kept, changed, removed, tip };
  }

  #change(): (ChatChange & { turns: readonly Turn[] }) | undefined {
    const difference = this.#difference();
    if (!difference) return undefined;
    const { kept, changed, removed, tip } = difference;
    const create = this.#saved.size === 0 && this.#revision === 0;
    if (this.id === undefined) {
      if (kept.length === 0) return undefined;
      this.id = newId();
      this.#createdAt = Date.now();
      this.#host.named();
    }
    for (const { id } of changed) this.#known.add(id);
    return {
      id: this.id,
      create,
      revision: this.#revision + this.#underWay,
      title: this.title ?? titleOf(kept[0]?.question ?? ''),
      createdAt: this.#createdAt,
      model: this.#model,
      turns: changed,
      changed: changed.map(storedTurn),
      removed,
      tip,
      own: this.own === this.#savedOwn ? undefined : (this.own ?? null),
      reread: this.stale && !this.busy,
    };
  }

  async #write(store: ChatStore, change: ChatChange & { turns: readonly Turn[] }): Promise<void> {
    this.#underWay++;
    this.#begun++;
    const asked = this.#moment();
    const { turns, tip, own } = this;
    this.#issued = { turns, tip, own };
    const { id, title, createdAt, model, changed, create } = change;
    if (changed.length > 0) this.#host.writing({ id, title, createdAt, updatedAt: Date.now(), model }, create);
    let outcome: SaveOutcome | undefined;
    try {
      outcome = await store.save(change);
    } catch (error) {
      this.fault = asBambaError(error);
    }
    this.#underWay--;
    // Meanwhile the text may have become a chat of its own.
    if (this.id !== id) return;
    if (!outcome) this.#tryLater();
    else this.#note(change, outcome);
    this.#tell(outcome, asked);
  }

  /** Tells of an outcome, as far as it is the last word; else asks again. */
  #tell(outcome: SaveOutcome | undefined, asked: Moment): void {
    // Since it was deleted elsewhere, something else has happened to it: it may be back.
    const unclear = outcome?.kind === 'gone' && asked.heard !== this.#heard;
    if (outcome?.kind === 'gone' && !unclear) this.gone = true;
    const chat = outcome?.kind === 'saved' ? outcome.chat : undefined;
    const changed = chat !== undefined && this.#merge(chat, asked);
    this.#host.written(unclear ? undefined : outcome, changed);
    if (outcome && this.stale && !this.busy && this.#underWay === 0) void this.flush();
  }

  /** Shows what others have changed: not while an answer is being written, nor without what was written here since. */
  #merge(chat: LoadedChat, asked: Moment): boolean {
    if (this.busy || !this.settled || asked.begun !== this.#begun) {
      this.hear();
      return false;
    }
    this.#adopt(chat);
    this.#seen = asked.heard;
    return true;
  }

  #moment(): Moment {
    return { heard: this.#heard, begun: this.#begun };
  }

  #note({ turns, removed, tip, own }: ChatChange & { turns: readonly Turn[] }, outcome: SaveOutcome): void {
    this.fault = undefined;
    this.#pauseMs = RETRY_MS.first;
    if (outcome.kind === 'emptied') {
      this.#saved.clear();
      this.#known.clear();
    }
    if (outcome.kind !== 'saved') return;
    this.#revision = Math.max(this.#revision, outcome.revision);
    this.title = outcome.summary.title;
    this.#savedTip = tip;
    if (own !== undefined) this.#savedOwn = own ?? undefined;
    for (const turn of turns) this.#saved.set(turn.id, turn);
    for (const turn of removed) {
      this.#saved.delete(turn);
      this.#known.delete(turn);
    }
  }

  async #reread(store: ChatStore, id: string): Promise<void> {
    const asked = this.#moment();
    let chat: LoadedChat | undefined;
    try {
      chat = await store.chat(id);
    } catch (error) {
      this.fault = asBambaError(error);
      this.#tryLater();
      return this.#host.written(undefined, false);
    }
    if (this.id !== id) return;
    this.fault = undefined;
    this.#tell(chat ? { kind: 'saved', revision: chat.revision, summary: chat, chat } : { kind: 'gone' }, asked);
  }

  /** Takes the chat as the database has it. Turns that are the same keep their objects, and with them what is drawn. */
  #adopt(chat: LoadedChat): void {
    const turns = chat.turns.map((turn) => {
      const own = this.#saved.get(turn.id);
      return own && sameTurn(storedTurn(own), turn) ? own : turn;
    });
    this.id = chat.id;
    this.#turns = turns;
    this.title = chat.title;
    // The shown version stays, whichever another tab looks at.
    this.tip ??= chat.tip;
    this.#savedTip = this.tip;
    if (this.own === this.#savedOwn) this.own = chat.own;
    this.#savedOwn = chat.own;
    this.#createdAt = chat.createdAt;
    this.#revision = chat.revision;
    this.#saved = new Map(turns.map((turn) => [turn.id, turn]));
    this.#known = new Set(this.#saved.keys());
    this.unreadable = chat.unreadable;
  }

  #tryLater(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.flush(), this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, RETRY_MS.longest);
  }
}

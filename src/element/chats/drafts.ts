// Drafts: the text that was typed and not sent, in each chat. A tab keeps its own draft over a reload. A copy for all tabs
// outlives the tab. Another tab's draft never replaces this tab's own.

import * as v from 'valibot';
import { readPreference, writePreference } from '../settings/preferences.ts';

const draftsSchema = v.record(v.string(), v.unknown());

type Texts = Readonly<Record<string, unknown>>;

/** The drafts of one list. */
export class Drafts {
  readonly #key: string;

  /** @param key where they are kept */
  constructor(key: string) {
    this.#key = key;
  }

  /** The draft of a chat; empty where there is none. A new chat has the id ''. */
  get(chat: string): string {
    const own = this.#own()[chat];
    const draft = own ?? this.#shared()[chat];
    return typeof draft === 'string' ? draft : '';
  }

  set(chat: string, text: string): void {
    const before = this.get(chat);
    const { [chat]: shared, ...others } = this.#shared();
    const { [chat]: _own, ...own } = this.#own();
    // An empty one says that this tab has none, whatever another one has typed.
    writeSession(this.#key, text === '' && shared === undefined ? own : { ...own, [chat]: text });
    if (text !== '') writePreference(this.#key, { ...others, [chat]: text });
    // Another tab's later draft is its own.
    else if (shared === before) this.#share(others);
  }

  /** Forgets the draft of a chat that is deleted. */
  delete(chat: string): void {
    const { [chat]: _own, ...others } = this.#own();
    writeSession(this.#key, others);
    const { [chat]: _shared, ...shared } = this.#shared();
    this.#share(shared);
  }

  #own(): Texts {
    return checked(parse(readSession(this.#key)));
  }

  #shared(): Texts {
    return checked(readPreference(this.#key));
  }

  #share(drafts: Texts): void {
    writePreference(this.#key, Object.keys(drafts).length === 0 ? undefined : drafts);
  }
}

/** A value that this tab keeps over a reload; null where there is none. */
export function readSession(key: string): string | null {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Keeps a value for this tab; a text as it is, anything else as JSON. */
export function writeSession(key: string, value: unknown): void {
  try {
    if (value === undefined) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, typeof value === 'string' ? value : JSON.stringify(value));
  } catch {
    // Refused or full: a page that is loaded again has forgotten it.
  }
}

function parse(text: string | null): unknown {
  try {
    return text === null ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

function checked(value: unknown): Texts {
  const parsed = v.safeParse(draftsSchema, value);
  return parsed.success ? parsed.output : {};
}

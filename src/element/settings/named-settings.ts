// Settings that a person has given a name: a system prompt and how answers are drawn, to be used for any model and chat.

import * as v from 'valibot';
import { oneLine } from '../chats/chat-record.ts';
import { ownSettingsSchema, sameSettings, type OwnSettings } from './own-settings.ts';
import { readPreference, writePreference } from './preferences.ts';

/** Settings with their name. */
export interface NamedSettings extends OwnSettings {
  readonly name: string;
}

const KEY = 'bamba-chat:named-settings';

/** Names are cut to this. */
export const LONGEST_NAME = 60;

const nameSchema = v.pipe(
  v.string(),
  v.transform((name) => oneLine(name.slice(0, LONGEST_NAME))),
  v.nonEmpty(),
);

const namedSchema = v.object({ name: nameSchema, ...ownSettingsSchema.entries });

/** The kept entries. Each invalid entry is left out, and of a name the first one counts. */
function readAll(): NamedSettings[] {
  const kept = readPreference(KEY);
  const read = (Array.isArray(kept) ? kept : []).flatMap((entry) => {
    const parsed = v.safeParse(namedSchema, entry);
    return parsed.success ? [parsed.output] : [];
  });
  return read.filter(({ name }, index) => read.findIndex((each) => each.name === name) === index);
}

/** The list of them; where the browser keeps nothing, it is there until the page is left. */
export class NamedSettingsList {
  #all = readAll();

  /** In the order of their names. */
  get all(): readonly NamedSettings[] {
    return this.#all.toSorted((one, other) => one.name.localeCompare(other.name));
  }

  /** Reads what another tab may have changed. */
  read(): void {
    const kept = readAll();
    if (kept.length > 0 || readPreference(KEY) !== undefined) this.#all = kept;
  }

  /** Which of them these settings are. */
  nameOf(settings: OwnSettings): string | undefined {
    return this.#all.find((each) => sameSettings(each, settings))?.name;
  }

  /**
   * Gives settings a name; those that had it before lose it.
   *
   * @returns the name as it is kept; undefined for an empty one, and nothing is kept
   */
  save(name: string, { system, sampling }: OwnSettings): string | undefined {
    const parsed = v.safeParse(nameSchema, name);
    if (!parsed.success) return undefined;
    this.read();
    this.#write([
      ...this.#all.filter((each) => each.name !== parsed.output),
      { name: parsed.output, system, sampling },
    ]);
    return parsed.output;
  }

  /** Forgets settings. */
  delete(name: string): void {
    this.read();
    this.#write(this.#all.filter((each) => each.name !== name));
  }

  #write(all: NamedSettings[]): void {
    this.#all = all;
    // An empty list is kept as well: what is not there says nothing.
    writePreference(KEY, all);
  }
}

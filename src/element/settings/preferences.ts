// Small values that outlive the visit. A browser may refuse storage (private windows, blocked cookies, a sandboxed frame):
// then the page works the same and only forgets. A stored value may be anything: an earlier version, another page of the
// site or a person may have written it. Each record has a schema, and what does not fit it was never there.

import { boolean, type GenericSchema, picklist, safeParse, unknown } from 'valibot';

/** How the element is painted; `auto` follows the system. */
export type Theme = 'auto' | 'light' | 'dark';

const THEMES: readonly Theme[] = ['auto', 'light', 'dark'];

/** Every key of this library begins so. */
const PREFIX = 'bamba-chat:';
const THEME_KEY = `${PREFIX}theme`;

/** Reads a stored JSON value; `undefined` when there is none, it is broken, or storage is refused. */
export function readPreference(key: string): unknown;
/** Reads a stored value; `undefined` also where it does not fit its schema. */
export function readPreference<Value>(key: string, schema: GenericSchema<unknown, Value>): Value | undefined;
export function readPreference(key: string, schema: GenericSchema = unknown()): unknown {
  try {
    const text = localStorage.getItem(key);
    if (text === null) return undefined;
    const { success, output } = safeParse(schema, JSON.parse(text));
    return success ? output : undefined;
  } catch {
    return undefined;
  }
}

/** Reads what was stored of something that is on or off; `fallback` where that is anything else. */
export function readSwitch(key: string, fallback: boolean): boolean {
  return readPreference(key, boolean()) ?? fallback;
}

/** Stores a JSON value, or removes it when it is `undefined`. */
export function writePreference(key: string, value: unknown): void {
  try {
    if (value === undefined) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Refused or full: the setting holds for this visit.
  }
}

/** Forgets everything that was chosen and set. Chats and models are kept elsewhere, and stay. */
export function resetPreferences(): void {
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) localStorage.removeItem(key);
  } catch {
    // Refused: there is nothing to forget.
  }
}

/** The theme chosen last; undefined where nobody has chosen. */
export function readTheme(): Theme | undefined {
  return readPreference(THEME_KEY, picklist(THEMES));
}

/** Remembers a theme. */
export function writeTheme(theme: Theme): void {
  writePreference(THEME_KEY, theme);
}

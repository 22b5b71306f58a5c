// Small values that outlive the visit. A browser may refuse storage (private windows, blocked cookies, a sandboxed
// frame): then the page works the same and only forgets. Each value that is read back passes a schema: what does not fit it
// is taken for nothing.

import * as v from 'valibot';

/** How the element is painted; `auto` follows the system. */
export type Theme = 'auto' | 'light' | 'dark';

const themeSchema = v.fallback(v.optional(v.picklist(['auto', 'light', 'dark'])), undefined);

const THEME_KEY = 'bamba-chat:theme';

/** Reads a stored JSON value; `undefined` when there is none, it is broken, or storage is refused. */
export function readPreference(key: string): unknown {
  try {
    const text = localStorage.getItem(key);
    return text === null ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

/** Reads what was stored of something that is on or off; `fallback` where that is anything else. */
export function readSwitch(key: string, fallback: boolean): boolean {
  return v.parse(v.fallback(v.boolean(), fallback), readPreference(key));
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

/** The theme chosen last; undefined where nobody has chosen. */
export function readTheme(): Theme | undefined {
  return v.parse(themeSchema, readPreference(THEME_KEY));
}

/** Remembers a theme. */
export function writeTheme(theme: Theme): void {
  writePreference(THEME_KEY, theme);
}

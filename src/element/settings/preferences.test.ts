import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { readPreference, readTheme, resetPreferences, writePreference, writeTheme } from './preferences.ts';
import { readSettings, readSystem, SETTING_FIELDS } from './sampling-settings.ts';

/** As browsers have it: keys are its own properties. */
function stubStorage(records: Record<string, string>): Record<string, unknown> {
  const methods = {
    getItem: (key: string) => (Object.hasOwn(storage, key) ? (storage[key] as string) : null),
    setItem: (key: string, value: string) => (storage[key] = value),
    removeItem: (key: string) => delete storage[key],
  };
  const storage: Record<string, unknown> = Object.assign(Object.create(methods), records);
  vi.stubGlobal('localStorage', storage);
  return storage;
}

afterEach(() => vi.unstubAllGlobals());

describe('what is stored', () => {
  it('is read as what it should be, or as nothing, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        stubStorage({ 'bamba-chat:theme': text, 'bamba-chat:settings:m': text, 'bamba-chat:system:m': text });
        expect([undefined, 'auto', 'light', 'dark']).toContain(readTheme());
        expect(['string', 'undefined']).toContain(typeof readSystem('m'));
        for (const [name, value] of Object.entries(readSettings('m'))) {
          const field = SETTING_FIELDS.find((each) => each.name === name);
          expect(field).toBeDefined();
          expect(value >= field!.min && value <= field!.max).toBe(true);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('is reset, but for what belongs to others', () => {
    const storage = stubStorage({ 'bamba-chat:theme': '"dark"', 'bamba-chat:model': '{', other: 'kept' });
    resetPreferences();
    expect({ ...storage }).toEqual({ other: 'kept' });
    expect(readTheme()).toBeUndefined();
  });

  it('is forgotten without a fault where the browser refuses storage', () => {
    vi.stubGlobal('localStorage', undefined);
    writeTheme('dark');
    writePreference('bamba-chat:x', 1);
    resetPreferences();
    expect(readPreference('bamba-chat:x')).toBeUndefined();
  });
});

import { beforeEach, describe, expect, it, vi } from 'vitest';
import { MapStorage } from '../../testing/browser/map-storage.ts';
import { NamedSettingsList } from './named-settings.ts';

const BRIEF = { system: 'Be brief.', sampling: { temperature: 0.2, topK: 40 } };
const KEY = 'bamba-chat:named-settings';

beforeEach(() => {
  vi.stubGlobal('localStorage', new MapStorage());
});

const names = (list: NamedSettingsList): string[] => list.all.map(({ name }) => name);

describe('NamedSettingsList', () => {
  it('keeps settings under names, in the order of these, and forgets them', () => {
    const list = new NamedSettingsList();
    expect(list.save('Long', { system: '', sampling: {} })).toBe('Long');
    expect(list.save('  Brief \n one ', BRIEF)).toBe('Brief one');
    expect(list.save('   ', BRIEF)).toBeUndefined();
    const later = new NamedSettingsList();
    expect(later.all).toEqual([
      { name: 'Brief one', ...BRIEF },
      { name: 'Long', system: '', sampling: {} },
    ]);
    expect(later.nameOf({ ...BRIEF, system: ' Be brief. ' })).toBe('Brief one');
    expect(later.nameOf({ ...BRIEF, sampling: { temperature: 0.2 } })).toBeUndefined();
    // A name that is there already means other settings from now on.
    later.save('Long', BRIEF);
    expect(later.all[1]).toEqual({ name: 'Long', ...BRIEF });
    later.delete('Brief one');
    expect(names(new NamedSettingsList())).toEqual(['Long']);
    expect(later.save('x'.repeat(500), BRIEF)).toHaveLength(60);
  });

  it('adds to what another tab has kept meanwhile', () => {
    const [here, there] = [new NamedSettingsList(), new NamedSettingsList()];
    here.save('Here', BRIEF);
    there.save('There', BRIEF);
    here.read();
    expect(names(here)).toEqual(['Here', 'There']);
    there.delete('Here');
    there.delete('There');
    here.read();
    expect(names(here)).toEqual([]);
  });

  it('leaves out what is not valid, whoever has written it', () => {
    const good = { name: 'Good', ...BRIEF };
    localStorage.setItem(
      KEY,
      JSON.stringify([null, 5, {}, { name: '' }, { name: 7 }, good, { ...good, system: 'Another' }, { name: 'Bare' }]),
    );
    expect(new NamedSettingsList().all).toEqual([{ name: 'Bare', system: '', sampling: {} }, good]);
    localStorage.setItem(KEY, JSON.stringify([{ name: 'Odd', system: 1, sampling: { temperature: -1, topK: 4 } }]));
    expect(new NamedSettingsList().all).toEqual([{ name: 'Odd', system: '', sampling: { topK: 4 } }]);
    for (const broken of ['{', '"text"', '{"name":"x"}']) {
      localStorage.setItem(KEY, broken);
      expect(new NamedSettingsList().all).toEqual([]);
    }
  });

  it('lasts until the page is left where the browser keeps nothing', () => {
    vi.stubGlobal('localStorage', undefined);
    const list = new NamedSettingsList();
    list.save('Brief', BRIEF);
    list.read();
    list.save('Long', BRIEF);
    expect(names(list)).toEqual(['Brief', 'Long']);
    list.delete('Brief');
    expect(names(list)).toEqual(['Long']);
  });
});

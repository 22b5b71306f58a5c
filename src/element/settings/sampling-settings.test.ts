import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SAMPLING_NAMES } from '../../sampling.ts';
import {
  defaultText,
  isSampling,
  parseSetting,
  rangeText,
  readSettings,
  SETTING_FIELDS,
  writeSettings,
  type SettingField,
  type SettingName,
} from './sampling-settings.ts';

function field(name: SettingName): SettingField {
  const found = SETTING_FIELDS.find((each) => each.name === name);
  if (!found) throw new Error(`no field ${name}`);
  return found;
}

it('has a field for every sampling setting that is a number', () => {
  expect(SETTING_FIELDS.map(({ name }) => name).toSorted()).toEqual([...SAMPLING_NAMES, 'maxTokens'].toSorted());
});

describe('parseSetting', () => {
  it.each([
    ['temperature', '0.7', 0.7],
    ['temperature', ' 0,7 ', 0.7],
    ['temperature', '.5', 0.5],
    ['temperature', '1.', 1],
    ['temperature', '0', 0],
    ['temperature', '100', 100],
    ['presencePenalty', '-2', -2],
    ['topK', '0', 0],
    ['seed', '4294967295', 4294967295],
    ['topP', '1', 1],
    // As ranges are written here, and as many write them.
    ['seed', '4\u202f294\u202f967\u202f295', 4294967295],
    ['maxTokens', ' 12 000 ', 12000],
  ] as const)('%s takes %j', (name, text, value) => {
    expect(parseSetting(field(name), text)).toEqual({ ok: true, value });
  });

  it.each([
    ['temperature', '-0.1'],
    ['temperature', '100.1'],
    ['temperature', 'warm'],
    ['temperature', '1e2'],
    ['temperature', '0x1'],
    ['temperature', 'NaN'],
    ['temperature', 'Infinity'],
    ['temperature', '1 2'],
    ['maxTokens', '1 0000'],
    ['maxTokens', '1 000 00'],
    ['topP', '0'],
    ['topP', '1.01'],
    ['topK', '2.5'],
    ['seed', '4294967296'],
    ['seed', '-1'],
    ['maxTokens', '0'],
    ['repetitionPenalty', '0'],
    ['frequencyPenalty', '2.1'],
  ] as const)('%s refuses %j with a sentence that names it', (name, text) => {
    const parsed = parseSetting(field(name), text);
    expect(parsed.ok).toBe(false);
    expect(parsed).toHaveProperty('sentence', expect.stringContaining(field(name).label));
  });

  it('takes an empty field as the default', () => {
    for (const each of SETTING_FIELDS) expect(parseSetting(each, '  ')).toEqual({ ok: true, value: undefined });
  });
});

it('says the range of every field in numbers that the field takes', () => {
  expect(rangeText(field('temperature'))).toBe('0 to 100');
  expect(rangeText(field('topP'))).toBe('above 0, up to 1');
  expect(rangeText(field('presencePenalty'))).toBe('-2 to 2');
  expect(rangeText(field('seed'))).toBe('0 to 4\u202f294\u202f967\u202f295');
  for (const each of SETTING_FIELDS) {
    const numbers = rangeText(each).match(/-?[\d\u202f.]+/g) ?? [];
    expect(numbers).toHaveLength(2);
    const [least, most] = numbers.map((number) => parseSetting(each, number).ok);
    expect([least, most], each.name).toEqual([each.minExcluded !== true, true]);
  }
});

describe('defaults', () => {
  const sampling = {
    temperature: 0,
    topK: 40,
    topP: 0.9,
    minP: 0,
    repetitionPenalty: 1.1,
    presencePenalty: 0,
    frequencyPenalty: 0,
  };

  it('are the model’s own', () => {
    expect(defaultText(field('topK'), sampling)).toBe('40');
    expect(defaultText(field('topK'), undefined)).toBe('default');
    expect(defaultText(field('maxTokens'), sampling)).toBe('no limit');
  });

  it('decide whether answers are drawn at random', () => {
    expect(isSampling({}, sampling)).toBe(false);
    expect(isSampling({ temperature: 0.5 }, sampling)).toBe(true);
    expect(isSampling({ temperature: 0 }, { ...sampling, temperature: 1 })).toBe(false);
  });
});

describe('kept settings', () => {
  const kept = new Map<string, string>();

  beforeEach(() => {
    kept.clear();
    vi.stubGlobal('localStorage', {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => kept.set(key, value),
      removeItem: (key: string) => kept.delete(key),
    });
  });
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it('come back for their model alone', () => {
    writeSettings('a', { temperature: 0.5, seed: 7 });
    expect(readSettings('a')).toEqual({ temperature: 0.5, seed: 7 });
    expect(readSettings('b')).toEqual({});
  });

  it('leave nothing behind when they are all the model’s', () => {
    writeSettings('a', { temperature: 0.5 });
    writeSettings('a', {});
    expect(kept.size).toBe(0);
  });

  it('drop what is no longer valid, and what is not a setting', () => {
    const key = 'bamba-chat:settings:a';
    kept.set(key, JSON.stringify({ temperature: -1, topP: '0.5', topK: 5, messages: [] }));
    expect(readSettings('a')).toEqual({ topK: 5 });
    for (const broken of ['{', 'null', '3', '"x"']) {
      kept.set(key, broken);
      expect(readSettings('a')).toEqual({});
    }
  });

  it('do without storage where the browser refuses it', () => {
    vi.stubGlobal('localStorage', undefined);
    expect(() => writeSettings('a', { topK: 5 })).not.toThrow();
    expect(readSettings('a')).toEqual({});
  });
});

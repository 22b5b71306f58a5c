import { describe, expect, test } from 'vitest';
import type { GenerationEvent, GenerationRequest, TokenizingEngine } from '../engine/protocol.ts';
import { evaluate } from './evaluate.ts';
import { evaluationSections } from './report.ts';
import { phoneBookWork } from './phone-book.ts';
import { makeBook } from './phone-book-text.ts';

/** Reads only so many characters at the end of a prompt, a token each, and looks the name up in them. */
function reader(sees: number, contextLength = 4096): TokenizingEngine {
  const info = {
    model: { name: 'reader', parameters: 1, scheme: 'f32', bytes: 4, contextLength, hasChatTemplate: false },
    adapter: { vendor: 'none', architecture: '', description: '', features: [], tuned: false },
  } as unknown as TokenizingEngine['info'];
  return {
    info,
    tokenize: async (text: string) => Array.from(text, (character) => character.codePointAt(0)!),
    async *generate({ prompt }: GenerationRequest): AsyncGenerator<GenerationEvent> {
      const text = String.fromCodePoint(...(prompt as number[]).slice(-sees));
      const name = text.slice(text.lastIndexOf('\n') + 1);
      const number = new RegExp(`\n${name} (\\S+)\n`).exec(text)?.[1] ?? '000-0000';
      yield { type: 'text', text: ` ${number}`, ids: [] };
      yield { type: 'end', finishReason: 'stop' } as GenerationEvent;
    },
  } as unknown as TokenizingEngine;
}

describe('a phone book', () => {
  test('is the same for the same seed, and asks for the entry at the place', () => {
    const book = makeBook({ entries: 50, place: 0, seed: 7 });
    expect(makeBook({ entries: 50, place: 0, seed: 7 })).toEqual(book);
    expect(makeBook({ entries: 50, place: 0, seed: 8 })).not.toEqual(book);
    const lines = book.text.split('\n').filter((line) => /^\w+ \w+: [1-9]\d\d-[1-9]\d{3}$/.test(line));
    expect(lines).toHaveLength(50);
    expect(new Set(lines.map((line) => line.split(':')[0])).size).toBe(50);
    const asked = (place: number) => {
      const { text, number } = makeBook({ entries: 50, place, seed: 7 });
      return lines.indexOf(`${text.split('\n').at(-1)!} ${number}`);
    };
    expect([0, 0.5, 1].map(asked)).toEqual([0, 25, 49]);
    expect(() => makeBook({ entries: 5000, place: 0, seed: 1 })).toThrow(RangeError);
    expect(makeBook({ entries: 4096, place: 1, seed: 1 }).text.length).toBeGreaterThan(70_000);
  });
});

describe('the phone book as a task', () => {
  test('fills the lengths that are asked for, and counts by length and place', async () => {
    const engine = reader(520);
    const [result] = await evaluate(engine, [phoneBookWork(engine, { lengths: [2048, 512] })]);
    const { outcomes, metrics, charts } = result!;
    expect(outcomes).toHaveLength(2 * 5 * 4);
    for (const { length, tokens } of outcomes as unknown as { length: number; tokens: number }[]) {
      expect(tokens).toBeGreaterThan(0.95 * length - 50);
      expect(tokens).toBeLessThanOrEqual(length - 16);
    }
    // A short book is seen whole; of a long one the last entries.
    const found = Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
    expect(found).toEqual({ exact_match: 0.6, exact_match_512: 1, exact_match_2048: 0.2 });
    const [chart] = charts!;
    const points = Object.fromEntries(chart!.series.map(({ of, points: all }) => [of, all.map(({ y }) => y)]));
    expect(points).toEqual({ any: [1, 0.2], begin: [1, 0], middle: [1, 0], end: [1, 1] });
    const [, section] = evaluationSections(engine.info, [result!]);
    expect(section!.tables[1]).toMatchObject({
      columns: ['tokens', 'at any place', 'at the begin', 'in the middle', 'at the end'],
      rows: [{ cells: ['512', '1', '1', '1', '1'] }, { cells: ['2K', '0.2', '0', '0', '1'] }],
    });
  });

  test('has every length and place before a second book', async () => {
    const engine = reader(10_000);
    const [result] = await evaluate(engine, [phoneBookWork(engine, { lengths: [128, 256], limit: 10 })]);
    expect(new Set(result!.outcomes.map(({ length, place }) => `${length as number} ${place as number}`)).size).toBe(
      10,
    );
  });

  test('has the lengths that the context has room for, and refuses others', () => {
    expect(phoneBookWork(reader(1, 4096)).parts).toHaveLength(3 * 20);
    const refused = (engine: TokenizingEngine, lengths?: number[]) => () => phoneBookWork(engine, { lengths });
    const long = { code: 'prompt_too_long' };
    expect(refused(reader(1, 4096), [8192])).toThrow(expect.objectContaining(long));
    expect(refused(reader(1, 512))).toThrow(expect.objectContaining(long));
    for (const length of [0, 1.5, Number.NaN, 63]) {
      expect(refused(reader(1), [length])).toThrow(expect.objectContaining({ code: 'setting_invalid' }));
    }
  });
});

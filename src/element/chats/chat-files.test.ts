import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readChats, toJson, toMarkdown } from './chat-files.ts';
import { titleOf, type ChatRecord } from './chat-record.ts';
import { sameTurns } from './copies.ts';
import { TurnTree } from './turn-tree.ts';

const NOW = 1_790_000_000_000;

const line = fc.string({ unit: 'grapheme', maxLength: 30 });
/** Texts, among them some that look like the marks between parts. */
const text = fc
  .array(
    fc.oneof(line, fc.constantFrom('\n', '<!-- part question -->', '\n<!-- part2 answer -->\n', '## You', '# Title')),
    { maxLength: 6 },
  )
  .map((parts) => parts.join('').replaceAll('\r', ''));

const chat: fc.Arbitrary<ChatRecord> = fc.record({
  id: fc.constant('one'),
  title: line.map((title) => titleOf(title) || 'Chat'),
  createdAt: fc.nat(),
  updatedAt: fc.nat(),
  model: fc.constantFrom('', 'Lexicon', 'Granite 4.0-H'),
  turns: fc
    .array(fc.record({ question: text, answer: text, status: fc.constantFrom('done', 'stopped', 'failed') }), {
      maxLength: 4,
    })
    .map((turns) => turns.map((turn, index) => ({ id: index + 1, ...turn }))),
});

/** A chat in which turns have versions. */
const branched: fc.Arbitrary<ChatRecord> = fc
  .tuple(chat, fc.array(fc.tuple(fc.boolean(), fc.nat()), { minLength: 4, maxLength: 4 }), fc.nat())
  .map(([before, links, tip]) => {
    const turns = before.turns.map((turn, index) => {
      const [isVersion, target] = links[index]!;
      if (index === 0) return turn;
      const other = 1 + (target % index);
      return { ...turn, ...(isVersion ? { instead: other } : { after: other }) };
    });
    return { ...before, turns, ...(turns.length > 0 && { tip: 1 + (tip % turns.length) }) };
  });

describe('chats in files', () => {
  it('are the same after JSON, but for their names', () => {
    fc.assert(
      fc.property(fc.array(chat, { maxLength: 3 }), (chats) => {
        const read = readChats(toJson(chats), NOW);
        expect(read.map((each) => ({ ...each, id: 'one' }))).toEqual(chats);
        expect(new Set(read.map(({ id }) => id)).size).toBe(chats.length);
      }),
      { numRuns: 100 },
    );
  });

  it('keep all versions in JSON, and which of them is shown', () => {
    fc.assert(
      fc.property(branched, (before) => {
        const [after] = readChats(toJson([before]), NOW);
        const [one, other] = [new TurnTree(before.turns), new TurnTree(after!.turns)];
        for (const { id } of before.turns) {
          expect(other.versions(id)).toEqual(one.versions(id));
          expect(other.path(id)).toEqual(one.path(id));
        }
        expect(other.path(after!.tip)).toEqual(one.path(before.tip));
        expect(sameTurns(before.turns, after!.turns)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('show one version in Markdown', () => {
    const turns = ['A1.', 'A2.', 'A3.'].map((answer, index) => ({
      id: index + 1,
      question: 'Q?',
      answer,
      status: 'done' as const,
      ...(index > 0 && { instead: 1 }),
    }));
    const markdown = toMarkdown({ id: '1', title: 'T', createdAt: 0, updatedAt: 0, model: '', turns, tip: 2 });
    expect(markdown).toContain('A2.');
    expect(markdown).not.toContain('A1.');
  });

  it('are of version 1 as long as there are no versions of turns, and a wrong link is refused', () => {
    const file = (turns: object[], version = 2): string =>
      JSON.stringify({ format: 'bamba-web chats', version, chats: [{ title: 'T', turns }] });
    const [linear] = readChats(file([{ question: 'a' }, { question: 'b', after: 1 }]), NOW);
    expect(JSON.parse(toJson([linear!]))).toMatchObject({ version: 1, chats: [{ turns: [{ question: 'a' }, {}] }] });
    const [branches] = readChats(file([{ question: 'a' }, { question: 'b', instead: 1 }]), NOW);
    expect(JSON.parse(toJson([branches!]))).toMatchObject({ version: 2, chats: [{ turns: [{}, { instead: 1 }] }] });
    for (const link of [{ after: 2 }, { instead: 3 }, { after: 0 }, { after: 'x' }, { instead: 1.5 }]) {
      expect(() => readChats(file([{ question: 'a' }, { question: 'b', ...link }]), NOW)).toThrow(/cannot be read/);
    }
    expect(() => readChats(file([], 3), NOW)).toThrow(/cannot be read/);
  });

  it('say the same after Markdown, whatever is said', () => {
    fc.assert(
      fc.property(chat, (before) => {
        const [after] = readChats(toMarkdown(before), NOW);
        expect(after?.title).toBe(before.title);
        expect(after?.turns.map(({ question, answer }) => [question, answer])).toEqual(
          before.turns.map(({ question, answer }) => [question, answer]),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('read well as Markdown', () => {
    const turns = [{ id: 1, question: 'What is an apple?', answer: 'A fruit.', status: 'done' as const }];
    const markdown = toMarkdown({ id: '1', title: 'Apples', createdAt: 0, updatedAt: 0, model: 'Lexicon', turns });
    expect(markdown).toBe(
      '<!-- bamba-web chat, parts begin with part -->\n# Apples\n\n' +
        '<!-- part question -->\n## You\n\nWhat is an apple?\n\n' +
        '<!-- part answer -->\n## Lexicon\n\nA fruit.\n',
    );
    // An editor of another system may have saved it.
    expect(readChats(`\ufeff${markdown.replaceAll('\n', '\r\n')}`, NOW)).toMatchObject([
      { title: 'Apples', model: 'Lexicon', turns: [{ question: 'What is an apple?', answer: 'A fruit.' }] },
    ]);
  });

  it.each([
    ['no JSON', 'hello', 'neither JSON nor Markdown'],
    ['other JSON', '{"messages":[]}', 'format'],
    ['a later version', '{"format":"bamba-web chats","version":3,"chats":[]}', 'version'],
    ['a turn without a question', '{"format":"bamba-web chats","version":1,"chats":[{"turns":[{}]}]}', 'question'],
    [
      'an answer alone',
      '<!-- bamba-web chat, parts begin with p -->\n# T\n\n<!-- p answer -->\n## L\n\nA',
      'no question',
    ],
    [
      'a part without a heading',
      '<!-- bamba-web chat, parts begin with p -->\n# T\n\n<!-- p question -->\nQ',
      'heading',
    ],
  ])('refuses %s with a sentence that says why', (_what, file, reason) => {
    expect(() => readChats(file, NOW)).toThrow(expect.objectContaining({ code: 'chats_invalid' }));
    expect(() => readChats(file, NOW)).toThrow(reason);
  });

  it('fills in what a file does not say', () => {
    const file = { format: 'bamba-web chats', version: 1, chats: [{ turns: [{ question: 'Hi', answer: 'Hello.' }] }] };
    expect(readChats(JSON.stringify(file), NOW)).toMatchObject([
      { title: 'Hi', createdAt: NOW, updatedAt: NOW, model: '', turns: [{ id: 1, status: 'done' }] },
    ]);
  });
});

describe('titleOf', () => {
  it('takes the beginning of a question, cut between words', () => {
    expect(titleOf('  What is\nan apple? ')).toBe('What is an apple?');
    const long = titleOf('one two three four five six seven eight nine ten eleven twelve thirteen');
    expect(long).toBe('one two three four five six seven eight nine ten eleven…');
    expect(titleOf('🍎'.repeat(60)).isWellFormed()).toBe(true);
  });
});

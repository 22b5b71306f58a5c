import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Comparison } from './exact-match.ts';
import { contextText, questionsOf } from './questions.ts';
import { parseTaskFile } from './task-file.ts';

const CHOICE = {
  task: 'kinds',
  output_type: 'multiple_choice',
  doc_to_text: '{{ question }}',
  doc_to_choice: 'choices',
  doc_to_target: 'answer',
};
const WORDS = { task: 'sums', output_type: 'generate_until', doc_to_text: 'question', doc_to_target: '{{ answer }}' };
const DOC = { question: 'An apple is a', choices: ['fruit', 'tool'], answer: 0 };

const fileOf = (...lines: object[]) => lines.map((line) => JSON.stringify(line)).join('\n');
const read = (...lines: object[]) => questionsOf(parseTaskFile(fileOf(...lines), 'my.jsonl'));

describe('a task file', () => {
  it('is read into contexts, choices and answers, with examples before each question', () => {
    const head = {
      ...CHOICE,
      description: 'What is it?\n',
      num_fewshot: 1,
      fewshot_config: {
        sampler: 'first_n',
        samples: [{ question: 'Iron is a', choices: ['metal', 'day'], answer: 'metal' }],
      },
    };
    const file = parseTaskFile(fileOf(head, { id: 'apple', ...DOC }), 'my.jsonl');
    const [question] = questionsOf(file);
    expect(question).toMatchObject({ id: 'apple', choices: ['fruit', 'tool'], gold: [0] });
    if (question?.type !== 'multiple_choice') throw new Error('of another type');
    expect(contextText(question.context, file.head)).toBe('What is it?\nIron is a metal\n\nAn apple is a');
  });

  it('shows the first other lines where it has no samples', () => {
    const docs = [1, 2, 3].map((n) => ({ question: `${n} + 1 =`, answer: n + 1 }));
    const head = { ...WORDS, num_fewshot: 1, fewshot_delimiter: '; ' };
    const file = parseTaskFile(fileOf(head, ...docs), 'my.jsonl');
    const texts = questionsOf(file).map((one) => ('context' in one ? contextText(one.context, file.head) : ''));
    expect(texts).toEqual(['2 + 1 = 3; 1 + 1 =', '1 + 1 = 2; 2 + 1 =', '1 + 1 = 2; 3 + 1 =']);
  });

  it.each([
    ['a field', { doc_to_choice: 'choices', doc_to_target: 'answer' }, [0]],
    ['an expression', { doc_to_choice: '{{ [choices[0], choices[1]] }}', doc_to_target: '{{ answer }}' }, [0]],
    ['an object', { doc_to_choice: '{{ {"A": "fruit", "B": "tool"} }}', doc_to_target: '{{ "tool" }}' }, [1]],
    ['templates', { doc_to_choice: ['{{ choices[1] }}', 'fruit'], doc_to_target: '{{ answer + 1 }}' }, [1]],
    ['several answers', { doc_to_choice: 'choices', doc_to_target: '{{ ["tool", "fruit"] }}' }, [1, 0]],
    ['the same for all', { doc_to_choice: 'choices', doc_to_target: 1 }, [1]],
  ])('takes choices and answers of %s', (_, fields, gold) => {
    expect(read({ ...CHOICE, ...fields }, DOC)).toMatchObject([{ gold }]);
  });

  it('takes digits of a field for a choice, and of a template for a place, as the harness does', () => {
    const doc = { question: '1 + 0 =', choices: ['1', '0'], answer: '1' };
    expect(read(CHOICE, doc)).toMatchObject([{ gold: [0] }]);
    expect(read({ ...CHOICE, doc_to_target: '{{ answer }}' }, doc)).toMatchObject([{ gold: [1] }]);
  });

  it.each([
    ['an empty file', [], 'my.jsonl: the file is empty'],
    ['no questions', [CHOICE], 'there is nothing to ask'],
    [
      'two lines with one id',
      [CHOICE, { id: 1, ...DOC }, { id: 1, ...DOC }],
      'line 3: the id 1 is that of my.jsonl, line 2',
    ],
    ['a missing answer', [CHOICE, { ...DOC, answer: undefined }], 'line 2: its answer'],
    ['an answer beyond the choices', [CHOICE, { ...DOC, answer: 2 }], 'its answer 2 is none of its 2 choices'],
    ['an answer that no choice is', [CHOICE, { ...DOC, answer: 'sky' }], 'its answer "sky" is none of its 2 choices'],
    ['one choice alone', [CHOICE, { ...DOC, choices: ['fruit'] }], 'no list of at least two texts'],
    [
      'a missing text',
      [WORDS, { question: '1 + 1 =' }],
      'line 2: the template doc_to_target fails: "answer" is not defined',
    ],
    ['an empty answer', [WORDS, { question: '1 + 1 =', answer: '' }], 'line 2: it has no answer'],
    ['a missing field', [CHOICE, { ...DOC, question: undefined }], 'doc_to_text fails: "question" is not defined'],
    ['a broken template', [{ ...CHOICE, doc_to_text: '{{ question' }, DOC], 'line 1: the template doc_to_text fails'],
    ['a filter that is not there', [{ ...WORDS, doc_to_text: '{{ question | pprint }}' }, DOC], 'not supported'],
    ['a field that tasks lack', [{ ...CHOICE, doc_to_tet: '' }, DOC], 'line 1: doc_to_tet'],
    ['a type that is not there', [{ ...CHOICE, output_type: 'essay' }, DOC], 'line 1: output_type'],
    ['a first line without a question', [{ ...CHOICE, doc_to_text: undefined }, DOC], 'needs doc_to_text'],
    ['too few examples', [{ ...CHOICE, num_fewshot: 1 }, DOC], 'num_fewshot is 1, and there are 0 examples'],
    [
      'a sampled temperature',
      [{ ...WORDS, generation_kwargs: { temperature: 1 } }, DOC],
      'generation_kwargs.temperature',
    ],
  ])('with %s is refused in a sentence', (_, lines, message) => {
    expect(() => read(...lines)).toThrow(
      expect.objectContaining({ code: 'setting_invalid', message: expect.stringContaining(message) as string }),
    );
  });

  it('that is no JSON is refused with its line', () => {
    expect(() => parseTaskFile(`${JSON.stringify(CHOICE)}\n\n{"a":`, 'my.jsonl')).toThrow(
      'my.jsonl, line 3: this is no JSON',
    );
    expect(() => parseTaskFile('[1]', 'my.jsonl')).toThrow('my.jsonl, line 1: this is no object');
  });

  const folder = join(import.meta.dirname, '..', '..', 'public', 'tasks');
  it.each(readdirSync(folder))('that comes with the project is sound: %s', (name) => {
    const file = parseTaskFile(readFileSync(join(folder, name), 'utf8'), name);
    expect(`${file.head.task}.jsonl`).toBe(name);
    expect(questionsOf(file).length).toBeGreaterThanOrEqual(20);
  });
});

describe('the comparison of answers', () => {
  const compare = (more: object) =>
    new Comparison(parseTaskFile(fileOf({ ...WORDS, ...more }, DOC), 'my.jsonl').head, 'my.jsonl');
  const regex = (regex_pattern: string, more: object = {}) =>
    compare({ filter_list: [{ filter: [{ function: 'regex', regex_pattern, ...more }, { function: 'take_first' }] }] });

  it.each([
    ['-?\\d+', { group_select: -1 }, '27 + 46 = 73.', '73'],
    ['-?\\d+', {}, '27 + 46 = 73.', '27'],
    ['= (\\d*)', {}, 'It = .', ''],
    ['(\\d+)x|(\\d+)y', {}, '5y', '5'],
    ['\\d+', {}, 'none', '[invalid]'],
    ['\\d+', { fallback: '0' }, 'none', '0'],
  ])('takes what %s finds', (pattern, more, answer, expected) => {
    expect(regex(pattern, more).filtered(answer)).toBe(expected);
  });

  it('takes answers as they are, unless it is told otherwise', () => {
    const plain = compare({});
    expect([plain.filtered(' A.'), plain.matches('A', ['B', 'A']), plain.matches('a', ['A'])]).toEqual([
      ' A.',
      true,
      false,
    ]);
    const filters = ['remove_whitespace', 'lowercase'].map((name) => ({ function: name }));
    expect(compare({ filter_list: [{ filter: filters }] }).filtered(' A.\n')).toBe('a.');
    const ignoring = { ignore_case: true, ignore_punctuation: true, ignore_numbers: true, regexes_to_ignore: ['the '] };
    expect(compare({ metric_list: [{ metric: 'exact_match', ...ignoring }] }).matches('the Sky! 5', ['sky '])).toBe(
      true,
    );
  });

  it('refuses an expression that is none', () => {
    expect(() => regex('(')).toThrow(expect.objectContaining({ code: 'setting_invalid' }));
  });
});

import { expect, it } from 'vitest';
import { followUps, stepsOf, type Suggestion } from './suggestions.ts';

const FRANCE: Suggestion = ['What is the capital of France?', 'And its currency?', 'What about Spain?'];
const SUGGESTIONS: Suggestion[] = ['What is an apple?', FRANCE, ['What is the capital of Japan?', 'And its currency?']];

it.each([
  [[], []],
  [['What is an apple?'], []],
  [['What is the capital of France?'], ['And its currency?']],
  [[' what is the capital of france? '], ['And its currency?']],
  [['What is an apple?', 'What is the capital of Japan?'], ['And its currency?']],
  [['What is the capital of France?', 'And its currency?'], ['What about Spain?']],
  // The end of a suggestion, and a question that goes elsewhere.
  [['What is the capital of France?', 'And its currency?', 'What about Spain?'], []],
  [['What is the capital of France?', 'What is an apple?'], []],
  // A second step without its first one follows on something else.
  [['What is an apple?', 'And its currency?'], []],
])('after %j comes %j', (questions, next) => {
  expect(followUps(SUGGESTIONS, questions)).toEqual(next);
});

it('offers a question once that follows in several suggestions', () => {
  expect(followUps([FRANCE, [FRANCE[0], 'And its currency?']], [FRANCE[0]])).toEqual(['And its currency?']);
});

it('takes a question alone for a suggestion of one step', () => {
  expect(stepsOf('What is an apple?')).toEqual(['What is an apple?']);
});

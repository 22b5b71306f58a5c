import { parseArgs } from 'node:util';
import { describe, expect, test } from 'vitest';
import { BambaError } from '../errors.ts';
import { describeFault } from './fault.mjs';
import { CommandError } from './process.mjs';

describe('describeFault', () => {
  const fault = new BambaError('prompt_empty', 'The prompt is empty. Ask something.');

  test('prints the sentence of our own errors, and all of it with DEBUG', () => {
    expect(describeFault(fault, {})).toBe('The prompt is empty. Ask something.');
    expect(describeFault(new CommandError('No such command.'), {})).toBe('No such command.');
    expect(describeFault(fault, { DEBUG: '1' })).toContain('fault.test.mjs');
  });

  test('prints the sentence of an argument that is not known', () => {
    const attempt = () => parseArgs({ args: ['--nonsense'], options: {} });
    expect(attempt).toThrow();
    try {
      attempt();
    } catch (error) {
      expect(describeFault(error, {})).toMatch(/^Unknown option '--nonsense'/);
    }
  });

  test('prints where a bug is, and what caused it', () => {
    const text = describeFault(new TypeError('x is undefined', { cause: fault }), {});
    expect(text).toContain('fault.test.mjs');
    expect(text).toMatch(/\nCaused by: The prompt is empty\. Ask something\.$/);
  });

  test('prints what is not an error as it is', () => {
    expect(describeFault('a string', {})).toBe('a string');
  });
});

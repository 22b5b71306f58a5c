import { expect, test } from 'vitest';
import { keepPrinted } from '../testing/printed.ts';
import { oneOf, readRequest } from './arguments.ts';

const printed = keepPrinted();

interface Command {
  main: (args: string[]) => Promise<number>;
}

const modules = import.meta.glob<Partial<Command>>(['./*.ts', '!./*.test.ts'], { eager: true });
const commands = Object.entries(modules).flatMap(([path, { main }]) => (main ? [{ path, main }] : []));

/** The width of a common terminal. */
const MOST_COLUMNS = 120;

test('there are commands', () => {
  expect(commands.length).toBeGreaterThan(8);
});

test.each(commands)('$path prints its usage, in lines that fit', async ({ path, main }) => {
  expect(await main(['--help'])).toBe(0);
  expect(console.error).not.toHaveBeenCalled();
  const lines = printed.join('\n').split('\n');
  expect(lines[0]).toMatch(new RegExp(`^Usage: npm run ${path.slice('./'.length, -'.ts'.length)} `));
  expect(lines.filter(({ length }) => length > MOST_COLUMNS)).toEqual([]);
});

test('the reason for refused arguments comes before the usage, on the error stream', () => {
  const refuse = () => {
    throw new Error('No.');
  };
  expect(readRequest([], 'Usage: ...', refuse)).toBe(2);
  expect(console.error).toHaveBeenCalledWith('No.\n\nUsage: ...');
  expect(console.log).not.toHaveBeenCalled();
});

test('a request is given as it was read', () => {
  expect(readRequest(['a'], 'Usage: ...', (args) => ({ args }))).toEqual({ args: ['a'] });
  expect(printed).toEqual([]);
});

test('oneOf takes a known name and no other', () => {
  expect(oneOf('--type', 'b', ['a', 'b'])).toBe('b');
  expect(() => oneOf('--type', 'c', ['a', 'b'])).toThrow('--type has to be one of a, b.');
  expect(() => oneOf('--type', undefined, ['a', 'b'])).toThrow('--type has to be one of a, b.');
});

import { afterEach, expect, test, vi } from 'vitest';
import { packTinyModel } from '../testing/models/tiny-model.ts';
import { isLoopback } from './serve/access.ts';
import { tokenizerInfo } from './serve/tokens.ts';
import { main } from './serve.ts';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

test.each([
  [[], /One model is needed/],
  [['a', 'b'], /One model is needed/],
  [['a', '--port', '99999'], /--port takes a whole number from 0 to 65535, not "99999"/],
  [['a', '--max-body', '1.5'], /--max-body takes a whole number/],
  [['a', '--context', '0'], /--context takes a whole number from 1 on/],
  [['a', '--dtype', 'int3'], /--dtype has to be one of/],
  [['a', '--precision', 'rough'], /--precision has to be one of balanced, exact, fast/],
  [['a', '--api-key', ''], /The API key is empty/],
  [['a', '--nonsense'], /--nonsense/],
])('refuses %j', async (args, reason) => {
  const said = vi.spyOn(console, 'error').mockReturnValue();
  expect(await main(args)).toBe(2);
  expect(said.mock.calls.join('\n')).toMatch(reason);
});

test('takes no empty key from the environment, and tells how it is used', async () => {
  const said = vi.spyOn(console, 'error').mockReturnValue();
  const told = vi.spyOn(console, 'log').mockReturnValue();
  vi.stubEnv('BAMBA_API_KEY', '');
  expect(await main(['a'])).toBe(2);
  expect(said).toHaveBeenCalled();
  expect(await main(['--help'])).toBe(0);
  expect(told.mock.calls.join('\n')).toMatch(/Usage: npm run serve/);
});

test("has the tokenizer's named tokens as strings, and the chat template", async () => {
  const info = await tokenizerInfo(await packTinyModel({ template: 'Hi' }));
  expect(info).toMatchObject({ bos_token: '<bos>', eos_token: '<eos>', pad_token: '<pad>', unk_token: null });
  expect(info['chat_template']).toBe('Hi');
});

test.each([
  ['localhost', true],
  ['127.0.0.1', true],
  ['127.8.8.8', true],
  ['::1', true],
  ['[::1]', true],
  ['a.localhost', true],
  ['0.0.0.0', false],
  ['127.0.0.1.evil.example', false],
  ['localhost.evil.example', false],
  ['', false],
])('knows whether %j is this machine alone: %s', (host, loopback) => {
  expect(isLoopback(host)).toBe(loopback);
});

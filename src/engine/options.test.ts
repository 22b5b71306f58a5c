import { expect, it } from 'vitest';
import { checkOptions, fullAddress } from './options.ts';
import type { EngineOptions } from './protocol.ts';

it.each([
  [undefined, /model takes/],
  [{}, /model takes/],
  [{ model: ' ' }, /model takes/],
  [{ model: 'a/b', device: 'webgpu' }, /no option "device".*It takes: model, revision/],
])('refuses the options %j', (options, reason) => {
  expect(() => checkOptions(options as unknown as EngineOptions)).toThrow(
    expect.objectContaining({ code: 'setting_invalid', message: expect.stringMatching(reason) as string }),
  );
});

it('takes what there is, also undefined', () => {
  expect(() => checkOptions({ model: 'a/b', dtype: 'int4', onProgress() {} })).not.toThrow();
});

it('completes addresses, and refuses what is none', () => {
  expect(fullAddress('./m/', 'https://a.b/c/d').href).toBe('https://a.b/c/m/');
  expect(() => fullAddress('https://', 'https://a.b/')).toThrow(expect.objectContaining({ code: 'setting_invalid' }));
});

import { describe, expect, test } from 'vitest';
import { isInstalled } from './dependencies.mjs';

const locked = {
  '': { version: '0.1.0' },
  'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
  'node_modules/other-platform': { version: '2.0.0', integrity: 'sha512-b', optional: true },
};
const installed = { 'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' } };

describe('isInstalled', () => {
  test('holds for the locked packages, with or without optional ones', () => {
    expect(isInstalled(locked, installed)).toBe(true);
    expect(
      isInstalled(locked, { ...installed, 'node_modules/other-platform': locked['node_modules/other-platform'] }),
    ).toBe(true);
  });

  test('does not hold for a missing, another or an additional package', () => {
    expect(isInstalled(locked, {})).toBe(false);
    expect(isInstalled(locked, { 'node_modules/a': { version: '1.0.1', integrity: 'sha512-a' } })).toBe(false);
    expect(isInstalled(locked, { 'node_modules/a': { version: '1.0.0', integrity: 'sha512-c' } })).toBe(false);
    expect(isInstalled(locked, { ...installed, 'node_modules/b': { version: '1.0.0' } })).toBe(false);
  });

  test('does not hold for an optional package in another version', () => {
    expect(isInstalled(locked, { ...installed, 'node_modules/other-platform': { version: '1.9.0' } })).toBe(false);
  });
});

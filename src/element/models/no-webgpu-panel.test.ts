import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { firstSteps, isTried, SEEN } from './no-webgpu-panel.ts';

const CHROME = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36';
const LINUX = 'Mozilla/5.0 (X11; Linux x86_64)';
const here = { secure: true, hasInterface: true };

it('says first what fits this very browser', () => {
  const first = (userAgent: string, more: Partial<typeof here> = {}): string =>
    firstSteps({ userAgent, ...here, ...more }).join('\n');
  expect(first(`${LINUX} ${CHROME}`)).toContain('--enable-unsafe-webgpu');
  expect(first(`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROME}`)).not.toContain('--enable-unsafe-webgpu');
  expect(first(`Mozilla/5.0 (Linux; Android 15) ${CHROME}`)).not.toContain('--enable-unsafe-webgpu');
  expect(first(`${LINUX} ${CHROME}`)).not.toContain('Update this browser');
  expect(first(`${LINUX} ${CHROME}`, { hasInterface: false })).toContain('Update this browser');
  expect(first(`${LINUX}; rv:150.0) Gecko/20100101 Firefox/150.0`)).toContain('gfx.webgpu.ignore-blocklist');
  expect(first('Mozilla/5.0 (Android 15; Mobile; rv:150.0) Gecko/150.0 Firefox/150.0')).toContain('Nightly');
  expect(first('Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0')).toContain('version 141');
  expect(first('Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1')).toContain('iOS');
  expect(first('Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15')).toContain('Safari 26');
  expect(first('Something/1.0')).toContain('one of the browsers below');
});

it('names the address, not the browser, where the page is not secure', () => {
  const steps = firstSteps({ userAgent: `${LINUX} ${CHROME}`, secure: false, hasInterface: false });
  expect(steps).toHaveLength(1);
  expect(steps[0]).toContain('https');
});

it('recommends only what the manual says has been seen to run', () => {
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
  const [, table = ''] = /## Where it has been seen to run\n([\s\S]*?)\n## /.exec(readme) ?? [];
  expect(SEEN.length).toBeGreaterThan(0);
  for (const { browser } of SEEN) expect(table).toContain(browser);
});

it('knows which browsers nobody has tried it in', () => {
  const tried = (userAgent: string): boolean => isTried({ userAgent, ...here });
  expect(tried(`${LINUX} ${CHROME}`)).toBe(true);
  expect(tried('Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0')).toBe(true);
  expect(tried(`Mozilla/5.0 (Linux; Android 15) ${CHROME}`)).toBe(false);
  expect(tried(`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROME}`)).toBe(false);
  expect(tried('Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/26.0 Safari/605.1.15')).toBe(false);
});

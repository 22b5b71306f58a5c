import { describe, expect, it } from 'vitest';
import { adapterName } from './adapter-name.ts';

const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36';
const safari = 'Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15';
const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0';
const nothing = { vendor: '', architecture: '', description: '' };

describe('the name of an adapter', () => {
  it('is its description', () => {
    expect(adapterName({ vendor: 'acme', architecture: 'one', description: 'Acme One' }, firefox)).toBe('Acme One');
  });

  it.each([
    ['acme', 'one', 'acme one'],
    ['acme', '', 'acme'],
    ['', 'one', 'one'],
  ])('is maker and family, as far as the browser tells them: %j, %j', (vendor, architecture, name) => {
    expect(adapterName({ ...nothing, vendor, architecture }, firefox)).toBe(name);
  });

  it.each([
    [firefox, 'the GPU that Firefox chose'],
    [chrome, 'the GPU that Chrome chose'],
    [`${chrome} Edg/150.0.0.0`, 'the GPU that Edge chose'],
    [safari, 'the GPU that Safari chose'],
    ['', 'the GPU that the browser chose'],
  ])('says who chose the adapter where nothing is told of it: %s', (userAgent, name) => {
    expect(adapterName(nothing, userAgent)).toBe(name);
  });
});

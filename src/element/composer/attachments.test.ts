import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ATTACHMENT_LIMITS,
  joinAttachments,
  LIMITS_SENTENCE,
  readAttachment,
  splitAttachments,
} from './attachments.ts';
import type { Attachment } from './attachments.ts';

const file = (name: string, ...parts: BlobPart[]): File => new File(parts, name);

/** Texts, among them some that look like a file's fence. */
const text = fc
  .array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('\n', '```', '````', '\n```\n', 'Attached file: x')))
  .map((parts) => parts.join('').replaceAll('\r', ''));
const name = fc.string({ minLength: 1, maxLength: 40 }).map((raw) => raw.replace(/\s+/g, ' ').trim() || 'a.txt');
const attachment: fc.Arbitrary<Attachment> = fc.record({ name, text }, { noNullPrototype: true });
const typed = text.map((raw) => raw.replaceAll('Attached file', 'File').trim());

describe('files in a question', () => {
  it('are the same after joining and splitting, whatever is in them', () => {
    fc.assert(
      fc.property(typed, fc.array(attachment, { maxLength: 4 }), (question, files) => {
        expect(splitAttachments(joinAttachments(question, files))).toEqual({ text: question, files });
      }),
      { numRuns: 500 },
    );
  });

  it('stand behind it, each with its name and a fence', () => {
    const joined = joinAttachments('Explain.', [{ name: 'a.md', text: '```js\nx\n```\n' }]);
    expect(joined).toBe('Explain.\n\nAttached file: a.md\n````\n```js\nx\n```\n\n````');
  });

  it('are found wherever they stand, and the rest is one text', () => {
    const joined = `${joinAttachments('One.', [{ name: 'a', text: 'A' }])}\nTwo.`;
    expect(splitAttachments(joined)).toEqual({ text: 'One.\nTwo.', files: [{ name: 'a', text: 'A' }] });
  });

  it('are nothing but text where their form is broken', () => {
    for (const broken of ['Attached file: a\n```\nx', 'Attached file: a\nx', 'Attached file: a\n```\nx\n```y']) {
      expect(splitAttachments(broken)).toEqual({ text: broken, files: [] });
    }
  });

  it('take a time that grows with the text alone', () => {
    const begin = performance.now();
    splitAttachments('Attached file: a\n```\n'.repeat(20_000));
    expect(performance.now() - begin).toBeLessThan(20_000);
  });
});

describe('readAttachment', () => {
  it('reads UTF-8 and UTF-16, with lines as they are kept', async () => {
    expect(await readAttachment(file('a.txt', '\ufeffÄ\r\nb\rc'), [])).toEqual({ name: 'a.txt', text: 'Ä\nb\nc' });
    const utf16 = new Uint8Array([0xff, 0xfe, 0x41, 0x00, 0x0a, 0x00]);
    expect((await readAttachment(file('b.txt', utf16), [])).text).toBe('A\n');
    expect((await readAttachment(file('b.txt', new Uint8Array([0xfe, 0xff, 0x00, 0x41])), [])).text).toBe('A');
  });

  it.each([
    [
      'a picture',
      file('a.png', new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00])),
      'not a text file',
    ],
    ['bytes that look like text', file('a.bin', 'text\0text'), 'not a text file'],
    ['nothing', file('empty.txt', ' \n'), 'empty'],
    ['too much', file('big.txt', 'x'.repeat(ATTACHMENT_LIMITS.bytesEach + 1)), '100 kB at most'],
  ])('refuses %s with a sentence', async (_what, bad, sentence) => {
    const refused = readAttachment(bad, []);
    await expect(refused).rejects.toMatchObject({ code: 'attachment_refused' });
    await expect(refused).rejects.toThrow(sentence);
    await expect(refused).rejects.toThrow(`“${bad.name}”`);
  });

  it('refuses one file too many, and too much together', async () => {
    const half = { name: 'h', text: 'x'.repeat(ATTACHMENT_LIMITS.bytesEach) };
    const small = { name: 's', text: 'x' };
    await expect(
      readAttachment(
        file('a', 'a'),
        Array.from({ length: 5 }, () => small),
      ),
    ).rejects.toThrow('5 files');
    await expect(readAttachment(file('a', 'a'), [half, half])).rejects.toThrow('together');
    expect(LIMITS_SENTENCE).toBe('Up to 5 text files, each of at most 100 kB, together of at most 200 kB.');
  });

  it('says so where a file cannot be read', async () => {
    const gone = Object.assign(file('gone.txt', 'x'), {
      arrayBuffer: () => Promise.reject(new DOMException('gone', 'NotReadableError')),
    });
    await expect(readAttachment(gone, [])).rejects.toThrow('“gone.txt” could not be read.');
  });

  it('keeps names on one line, and their ends', async () => {
    const { name: short } = await readAttachment(file(`${'x'.repeat(300)}\n.tar.txt`, 'x'), []);
    expect(short).toMatch(/^x+….*\.tar\.txt$/);
    expect(short.length).toBeLessThanOrEqual(120);
  });
});

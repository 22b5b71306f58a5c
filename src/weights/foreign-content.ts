import { BambaError } from '../errors.ts';

/** The bytes of a file that are looked at, and the least characters that say enough. */
const [MOST_BYTES, LEAST_CHARACTERS] = [64, 4];

/**
 * Refuses files that often lie in the place of another: a pointer of Git LFS, a web page, the archive of an older
 * format. Its own reader would only say that it is damaged.
 * @param head the first bytes of the file, eight or more of them where it is as long
 * @throws BambaError `checkpoint_invalid`.
 */
export function refuseForeign(file: string, head: Uint8Array): void {
  const text = new TextDecoder('latin1').decode(head.subarray(0, MOST_BYTES)).trimStart().toLowerCase();
  const isBegun = (begin: string) => text.startsWith(begin) || begin.startsWith(text);
  const found = text.length < LEAST_CHARACTERS ? null : FOREIGN.find(({ begins }) => begins.some(isBegun));
  if (found) throw new BambaError('checkpoint_invalid', `${file} is ${found.what}. ${found.advice}`);
}

const FOREIGN = [
  {
    begins: ['version https://git-lfs.github.com'],
    what: 'a Git LFS pointer, which stands for the file and is not the file',
    advice: 'Fetch the files themselves, with `git lfs pull` or from the page of the repository.',
  },
  {
    begins: ['<!doctype html', '<html'],
    what: 'a web page in place of the file',
    advice: 'Check the address, or download the file again where you are signed in.',
  },
  {
    begins: ['pk\u0003\u0004'],
    what: 'a ZIP archive, as PyTorch writes weights',
    advice: 'Choose the weights in safetensors format.',
  },
  { begins: ['gguf'], what: 'a GGUF file under another name', advice: 'Give it a name that ends in .gguf.' },
];

import { BambaError } from '../../errors.ts';

/** A state that was exported. @throws BambaError `setting_invalid` for anything but bytes. */
export function checkBytes(bytes: unknown): Uint8Array<ArrayBuffer> {
  if (bytes instanceof Uint8Array) return bytes as Uint8Array<ArrayBuffer>;
  throw new BambaError('setting_invalid', 'A state is given as a Uint8Array of the bytes that it was exported as.');
}

import { BambaError } from '../../errors.ts';
import { throwIfAborted } from '../../weights/abort.ts';
import { isPlainFileName } from '../../weights/file-name.ts';
import { type CheckpointFiles, versionOfFiles } from './checkpoint-files.ts';

/** The result of a file picker. */
export type PickedFiles = readonly File[] | FileSystemDirectoryHandle;

/** A file may be in a folder of its own, but not far down. */
const MOST_FOLDERS = 4;
const MOST_LISTED = 10_000;

/**
 * Files of the user's disk. Of files with paths, as `<input webkitdirectory>` gives them, the common folder is left out.
 * Methods throw BambaError `checkpoint_changed` for a file that changed since it was picked, `aborted`.
 */
export class DiskFiles implements CheckpointFiles {
  readonly local = true;
  readonly #picked: PickedFiles;
  readonly #byName: ReadonlyMap<string, File> | null;
  readonly #opened = new Map<string, Promise<File | null>>();

  constructor(picked: PickedFiles) {
    this.#picked = picked;
    this.#byName = Array.isArray(picked) ? namesOf(picked as readonly File[]) : null;
  }

  async version(signal?: AbortSignal): Promise<string> {
    return versionOfFiles(this, signal);
  }

  async identity(file: string): Promise<string | null> {
    const found = await this.#file(file);
    return found && `${found.size} ${found.lastModified}`;
  }

  async size(file: string): Promise<number | null> {
    return (await this.#file(file))?.size ?? null;
  }

  /** Those of a folder that was picked are named where they lie at its top. */
  async list(): Promise<readonly string[]> {
    if (this.#byName) return [...this.#byName.keys()];
    const names: string[] = [];
    for await (const [name, handle] of (this.#picked as FileSystemDirectoryHandle).entries()) {
      if (handle.kind === 'file' && names.length < MOST_LISTED) names.push(name);
    }
    return names;
  }

  async read(file: string, begin: number, end: number, signal?: AbortSignal): Promise<Uint8Array> {
    throwIfAborted(signal);
    const found = await this.#file(file);
    if (!found || end > found.size) throw new RangeError(`${file} has no bytes [${begin}, ${end}).`);
    try {
      return new Uint8Array(await found.slice(begin, end).arrayBuffer());
    } catch (cause) {
      throw new BambaError(
        'checkpoint_changed',
        `${file} cannot be read: it was changed or removed since it was chosen. Choose the files again.`,
        { cause },
      );
    }
  }

  close(): void {
    this.#opened.clear();
  }

  #file(name: string): Promise<File | null> {
    let file = this.#opened.get(name);
    file ??= this.#byName ? Promise.resolve(this.#byName.get(name) ?? null) : this.#fromFolder(name);
    this.#opened.set(name, file);
    return file;
  }

  async #fromFolder(name: string): Promise<File | null> {
    if (!isPlainFileName(name)) return null;
    const path = name.split('/');
    const last = path.pop() as string;
    if (path.length > MOST_FOLDERS) return null;
    try {
      let folder = this.#picked as FileSystemDirectoryHandle;
      for (const part of path) folder = await folder.getDirectoryHandle(part);
      return await (await folder.getFileHandle(last)).getFile();
    } catch (cause) {
      if ((cause as Error).name === 'NotFoundError' || (cause as Error).name === 'TypeMismatchError') return null;
      throw new BambaError(
        'access_denied',
        `The folder on your disk cannot be read (${(cause as Error).message}). Choose it again.`,
        { cause },
      );
    }
  }
}

function namesOf(files: readonly File[]): Map<string, File> {
  return new Map(
    files.map((file) => {
      // `folder/config.json`; empty where single files were picked.
      const [, ...path] = (file.webkitRelativePath ?? '').split('/');
      return [path.join('/') || file.name, file];
    }),
  );
}

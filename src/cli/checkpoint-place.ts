import { existsSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { GgufSource } from '../architecture/gguf/gguf-source.ts';
import { BambaError } from '../errors.ts';
import { isGguf, LazyFiles, onlyGguf } from '../storage/remote/gguf-files.ts';
import { HubFiles } from '../storage/remote/hub.ts';
import { HUB, isRepoName } from '../storage/remote/repo-name.ts';
import type { ByteSource } from '../weights/byte-source.ts';
import { folderSource } from '../tools/models/folder.ts';

/** Where in a server with the Hub's paths a repository is read. */
export interface RepoPlace {
  /** Branch, tag or commit. */
  revision?: string;
  endpoint?: string;
}

/**
 * Files of a checkpoint: of the folder or GGUF file `source`, or of the repository of that name where there is no such
 * folder. HF_TOKEN may have an access token for the repository. `repo` is null for a folder, and to be closed.
 * @throws BambaError `setting_invalid` where there are several GGUF files and no checkpoint; see `HubFiles`.
 */
export async function openCheckpointFiles(
  source: string,
  { revision = 'main', endpoint = HUB }: RepoPlace = {},
): Promise<{ files: ByteSource; repo: LazyFiles | null }> {
  if (!isRepoName(source) || existsSync(source)) return { files: await openLocal(source), repo: null };
  const token = process.env['HF_TOKEN'];
  const hub = new HubFiles({ repo: source, revision, endpoint }, token ? { token } : {});
  const repo = new LazyFiles(hub, (list) => onlyGguf(list, source, 'Fetch one of them, and name that file.'));
  return { files: repo, repo };
}

async function openLocal(source: string): Promise<ByteSource> {
  if (isGguf(source)) {
    if (existsSync(source) && statSync(source).isFile()) return ggufFile(dirname(source), basename(source));
    throw new BambaError('checkpoint_invalid', `There is no file ${source}.`);
  }
  const names = await readdir(source).catch(() => []);
  const only = onlyGguf(names, source, 'Name one of them.');
  return only === null ? folderSource(source) : ggufFile(source, only);
}

function ggufFile(folder: string, file: string): ByteSource {
  return new GgufSource(folderSource(folder), file);
}

import { existsSync } from 'node:fs';
import { HubFiles } from '../storage/remote/hub.ts';
import { HUB, isRepoName } from '../storage/remote/repo-name.ts';
import type { ByteSource } from '../weights/byte-source.ts';
import { folderSource } from '../tools/folder.ts';

/** Where in a server with the Hub's paths a repository is read. */
export interface RepoPlace {
  /** Branch, tag or commit. */
  revision?: string;
  endpoint?: string;
}

/**
 * Files of a checkpoint: of the folder `source`, or of the repository of that name where there is no such folder. HF_TOKEN
 * may have an access token for the repository. `repo` is null for a folder, and to be closed.
 * @throws BambaError see `HubFiles`.
 */
export function openCheckpointFiles(
  source: string,
  { revision = 'main', endpoint = HUB }: RepoPlace = {},
): { files: ByteSource; repo: HubFiles | null } {
  if (!isRepoName(source) || existsSync(source)) return { files: folderSource(source), repo: null };
  const token = process.env['HF_TOKEN'];
  const repo = new HubFiles({ repo: source, revision, endpoint }, token ? { token } : {});
  return { files: repo, repo };
}

import { parseConfig } from '../../architecture/config.ts';
import { BambaError } from '../../errors.ts';
import { Checkpoint } from '../../weights/checkpoint.ts';
import { PackageStream } from '../../weights/package-stream.ts';
import { type PackageFacts, planTensors } from '../../weights/package-writer.ts';
import { roundingNotice } from '../../weights/rounding.ts';
import { sha256Hex } from '../../weights/sha256.ts';
import type { Scheme } from '../../weights/types.ts';
import type { CheckpointFiles } from '../remote/checkpoint-files.ts';
import type { Making } from './package-maker.ts';
import type { StoredOrigin } from '../store/database.ts';

/** The source of a package, and its names. */
export interface ConversionRequest {
  /** Key in the store. */
  id: string;
  /** For people. */
  name: string;
  scheme: Scheme;
  /** Null for what has to be stored already. */
  files: CheckpointFiles | null;
  /** Where the files are, as `createEngine` is told. */
  from: Pick<StoredOrigin, 'model' | 'revision' | 'endpoint'>;
  /** `org/name`, of a repository. */
  repo?: string;
}

/** Part of every identity: raised when the same checkpoint becomes other bytes. */
const MAKER_VERSION = 1;

/** All that is known of a checkpoint once its headers are read. */
export interface OpenCheckpoint extends Making {
  facts: PackageFacts;
  identity: string;
  version: string;
  /** A sentence for people about the checkpoint's own rounding, where the package cannot keep it. */
  notice: string | null;
}

/** Reads config.json and all headers. @throws BambaError for all that is wrong with them. */
export async function openCheckpoint(
  { name, scheme, repo }: ConversionRequest,
  files: CheckpointFiles,
  signal: AbortSignal | undefined,
): Promise<OpenCheckpoint> {
  const version = await files.version(signal);
  const size = await files.size('config.json', signal);
  if (size === null) {
    throw new BambaError(
      'config_invalid',
      `${name} has no config.json: it is no checkpoint in the format of transformers. Choose another model.`,
    );
  }
  if (size > MAX_CONFIG_BYTES) throw new BambaError('config_invalid', `The config.json of ${name} has ${size} bytes.`);
  const config = await files.read('config.json', 0, size, signal);
  const { architecture, tensors, stopIds, quantization } = parseConfig(config);
  const checkpoint = await Checkpoint.open(files, signal, quantization);
  const stream = new PackageStream(checkpoint, tensors, planTensors(tensors, scheme));
  const { commit } = files;
  const source = { ...(repo !== undefined && { repo }), ...(commit !== undefined && { revision: commit }) };
  return {
    facts: { specs: tensors, scheme, name, source, architecture, stopIds },
    stream,
    version,
    identity: await identityOf(checkpoint, scheme, files, signal),
    notice: roundingNotice(name, checkpoint, scheme),
    readFile: (file, pieces) => checkpoint.readFile(file, signal, pieces),
  };
}

const MAX_CONFIG_BYTES = 2 * 2 ** 20;

/** Of all that the weights of a package are made from. */
async function identityOf(
  checkpoint: Checkpoint,
  scheme: Scheme,
  files: CheckpointFiles,
  signal: AbortSignal | undefined,
): Promise<string> {
  const names = new Set(['config.json', ...Array.from(checkpoint.tensors.values(), ({ file }) => file).toSorted()]);
  const lines = [`${MAKER_VERSION} ${scheme}`];
  for (const name of names) lines.push(`${name} ${await files.identity(name, signal)}`);
  return sha256Hex(new TextEncoder().encode(lines.join('\n')));
}

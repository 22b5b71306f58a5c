import { BambaError } from '../../errors.ts';
import { parseConfig } from '../../architecture/config.ts';
import { openPackageBytes, type OrderedPackage } from '../../storage/packages/package-source.ts';
import type { ByteSource } from '../../weights/byte-source.ts';
import { Checkpoint } from '../../weights/checkpoint.ts';
import type { Manifest } from '../../weights/manifest.ts';
import { readText } from '../../weights/read-text.ts';
import { writePackage } from '../../weights/package-writer.ts';
import type { Scheme } from '../../weights/types.ts';

/**
 * Converts a checkpoint into a package that exists in memory alone: to measure and verify small models without writing
 * them. A model meant to be used is converted into a folder.
 * @throws BambaError see `writePackage` and `parseConfig`.
 */
export async function packCheckpoint(
  source: ByteSource,
  scheme: Scheme,
  name: string,
): Promise<OrderedPackage<Manifest>> {
  const config = await readText(source, 'config.json');
  if (!config) throw new BambaError('config_invalid', `${name} has no config.json: name the folder of a checkpoint.`);
  const { architecture, tensors, stopIds, quantization } = parseConfig(config);
  const checkpoint = await Checkpoint.open(source, undefined, quantization);
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const manifest = await writePackage({
    checkpoint,
    specs: tensors,
    scheme,
    architecture,
    stopIds,
    name,
    sink: {
      write: async (file, bytes) => {
        files.set(file, new Uint8Array(bytes));
      },
    },
  });
  return openPackageBytes(manifest, async (file) => files.get(file)!);
}

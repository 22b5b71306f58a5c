// `npm start`: builds the page and serves the build. So this page is the one that users get: one bundle, with the worker
// inlined. The build takes about a second, and nothing is compiled while the page loads. For work on the code there is `npm
// run dev`, which serves the sources and reloads on changes.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build, preview } from 'vite';
import { reportFault } from './fault.mjs';
import { CommandError } from './process.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const configFile = join(root, 'vite.config.ts');

/** @type {(text: string) => number} */
function parsePort(text) {
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= 65535) return port;
  throw new CommandError(`--port takes a number from 1 to 65535, not ${JSON.stringify(text)}.`);
}

/**
 * `--host` without an address means every address of this machine, as in Vite's own commands.
 * @type {(args: string[]) => string[]}
 */
const withHostAddress = (args) =>
  args.map((arg, i) => (arg === '--host' && !/^[^-]/.test(args[i + 1] ?? '') ? '--host=0.0.0.0' : arg));

async function serve() {
  const { values } = parseArgs({
    args: withHostAddress(process.argv.slice(2)),
    options: {
      port: { type: 'string', default: '5173' },
      host: { type: 'string' },
      'no-build': { type: 'boolean', default: false },
      'strict-port': { type: 'boolean', default: false },
    },
  });
  const port = parsePort(values.port);
  if (!values['no-build']) await build({ configFile, logLevel: 'warn' });
  const server = await preview({
    configFile,
    logLevel: 'warn',
    // Another project may have the port: the next free one is taken, unless a script counts on it.
    preview: { port, strictPort: values['strict-port'], ...(values.host && { host: values.host }) },
  });
  const local = server.resolvedUrls?.local[0];
  const network = server.resolvedUrls?.network ?? [];
  console.log(`\nbamba-web chats at  ${local ?? network[0]}\n`);
  if (network.length > 0) {
    // https://www.w3.org/TR/webgpu/: the API is exposed in secure contexts only.
    console.log(`In the network at   ${network.join('  ')}`);
    console.log('Browsers give WebGPU to https and localhost only: other machines need a tunnel or an https proxy.\n');
  }
  console.log('Ctrl-C stops it.');
}

try {
  await serve();
} catch (error) {
  process.exit(reportFault(error));
}

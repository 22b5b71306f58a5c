import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { fingerprint, isFresh } from './api-reference/fingerprint.ts';
import { declaringFiles, type Entry, referenceOf } from './api-reference/reference.ts';
import type { Reflection } from './api-reference/reflection.ts';
import { emitTypes } from '../tools/package/emit-types.mjs';
import { CommandError, run } from '../tools/process.mjs';

const USAGE = `Usage: npm run docs [-- --check]

Writes docs/API.md: the reference of every export of the package, made from the types and their comments. TypeDoc reads
them; npm fetches TypeDoc once. --check compares docs/API.md with the types in dist-lib/types, and needs no network.`;

const ROOT = join(import.meta.dirname, '..', '..');
const TYPES = join(ROOT, 'dist-lib', 'types');
const REFERENCE = join(ROOT, 'docs', 'API.md');

/** TypeDoc needs the compiler as JavaScript, which TypeScript 7 has not: both come from npm when they are needed. */
const PACKAGES = ['typedoc@0.28.20', 'typescript@6.0.3'];

/** Tags that our comments have and TypeDoc does not know. */
const TAGS = ['@tag', '@slot', '@fires', '@csspart', '@cssprop'];

/** The entries with types, in the order of package.json. */
function packageEntries(): Entry[] {
  const { name, exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    name: string;
    exports: Record<string, string | { types: string }>;
  };
  return Object.entries(exports).flatMap(([path, target]) =>
    typeof target === 'string'
      ? []
      : [
          {
            specifier: path.replace('.', name),
            module: target.types.replace(/^\.\/dist-lib\/types\/(.+)\.d\.ts$/, '$1'),
          },
        ],
  );
}

/**
 * The reflection that TypeDoc makes of the declarations.
 * @throws CommandError when it fails
 */
async function readTypes(entries: readonly Entry[]): Promise<Reflection> {
  const folder = mkdtempSync(join(ROOT, 'dist-lib', 'docs-')); // in the project, whose packages the types import;
  const files = entries.map(({ module }) => join(TYPES, `${module}.d.ts`));
  const options = {
    entryPoints: files,
    tsconfig: join(folder, 'tsconfig.json'),
    json: join(folder, 'api.json'),
    basePath: TYPES,
    sort: ['source-order'],
    readme: 'none',
    excludePrivate: true,
    excludeProtected: true,
    excludeExternals: true,
    excludeInternal: true,
    disableGit: true,
    sourceLinkTemplate: '{path}',
    blockTags: ['@returns', '@throws', '@param', '@example', ...TAGS],
    // A type that is named and not exported could not be looked up.
    validation: { notExported: true, invalidLink: true },
    treatValidationWarningsAsErrors: true,
    logLevel: 'Warn',
  };
  const compiler = { extends: join(ROOT, 'src', 'tsconfig.json'), include: [], files };
  try {
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(compiler));
    writeFileSync(join(folder, 'typedoc.json'), JSON.stringify(options));
    const packages = PACKAGES.flatMap((name) => ['--package', name]);
    const code = await run(
      'npm',
      ['exec', '--yes', ...packages, '--', 'typedoc', '--options', join(folder, 'typedoc.json')],
      { cwd: ROOT, shell: process.platform === 'win32' },
    );
    if (code !== 0) throw new CommandError('TypeDoc failed (see above).');
    return JSON.parse(readFileSync(join(folder, 'api.json'), 'utf8')) as Reflection;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function write(): Promise<void> {
  if ((await emitTypes(ROOT)) !== 0) throw new CommandError('The types have faults (see above).');
  const entries = packageEntries();
  const project = await readTypes(entries);
  const options = { ...(await resolveConfig(REFERENCE)), filepath: REFERENCE };
  const text = await format(referenceOf(project, entries), options);
  writeFileSync(REFERENCE, text + fingerprint(declaringFiles(project), TYPES));
  console.log('docs/API.md is written.');
}

/** Runs the command; gives the exit code. */
export async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { check: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (!values.check) {
    await write();
    return 0;
  }
  if (existsSync(REFERENCE) && isFresh(readFileSync(REFERENCE, 'utf8'), TYPES)) {
    console.log('docs/API.md agrees with the types.');
    return 0;
  }
  console.error('docs/API.md does not agree with the types. Run: npm run docs');
  return 1;
}

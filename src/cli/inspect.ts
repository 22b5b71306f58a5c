import { parseArgs } from 'node:util';
import { BambaError } from '../errors.ts';
import { readRequest } from './arguments.ts';
import { inspect } from './inspection.ts';
import { formatInspection } from './inspection-text.ts';
import { readRopeScaling, ROPE_USAGE } from './rope-option.ts';

const USAGE = `Usage: npm run inspect -- FOLDER|FILE.gguf|PACKAGE|org/name [--tokens N] [--tensors] [--json]
                          [--rope-scaling S] [--revision REV] [--endpoint URL]

Describes a model without loading it: its architecture, its tensors, and its size in every type of weights. It also
tells the memory of a conversation of N tokens (default 4096), and the graphics memory that the model fits. A table has
the memory of other contexts, by the type of keys and values (the option kvCacheType). The model is a folder with a
Hugging Face checkpoint or a GGUF file (the command reads their headers alone), a package of bamba-web, or a repository
of the Hub.
--tensors lists every tensor.
--rope-scaling S ${ROPE_USAGE}.`;

/** The command `inspect`. @returns 0, 1 for a model that cannot be run, 2 for wrong arguments. */
export async function main(args: string[]): Promise<number> {
  const request = readRequest(args, USAGE, readArguments);
  if (typeof request === 'number') return request;
  const { source, tokens, ropeScaling, values } = request;
  try {
    const { revision, endpoint } = values;
    const place = {
      ...(ropeScaling && { ropeScaling }),
      ...(revision !== undefined && { revision }),
      ...(endpoint !== undefined && { endpoint }),
    };
    const inspection = await inspect(source, tokens, place);
    console.log(values.json ? JSON.stringify(inspection, null, 1) : formatInspection(inspection, values.tensors));
    return 0;
  } catch (error) {
    if (!(error instanceof BambaError)) throw error;
    console.error(error.message);
    return 1;
  }
}

function readArguments(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      tokens: { type: 'string', default: '4096' },
      tensors: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      'rope-scaling': { type: 'string' },
      revision: { type: 'string' },
      endpoint: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  const [source, ...rest] = positionals;
  if (source === undefined || rest.length > 0) throw new Error('One model is needed.');
  const tokens = Number(values.tokens);
  if (!Number.isSafeInteger(tokens) || tokens < 1) throw new Error('--tokens has to be a whole number of at least 1.');
  return { source, tokens, ropeScaling: readRopeScaling(values['rope-scaling']), values };
}

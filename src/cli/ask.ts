import { parseArgs } from 'node:util';
import { LocalEngine } from '../engine/local-engine.ts';
import type { ChatMessage } from '../engine/protocol.ts';
import { installDawn } from '../tools/machine/dawn.ts';
import { SCHEMES } from '../weights/manifest.ts';
import { oneOf, readRequest } from './arguments.ts';
import { openModel } from './open-model.ts';

const USAGE = `Usage: npm run ask -- "question" ["follow-up" ...] [--model MODEL] [--dtype TYPE] [--temperature T]
                     [--top-k K] [--top-p P] [--seed N] [--max-tokens N] [--context N] [--plain] [--stats]

Answers in the terminal, through the same engine as the page. Further questions continue the conversation.
  --model M    a package, a checkpoint or a GGUF file; of the latter two a package is made in memory first
  --dtype T    how its matrices are stored: ${SCHEMES.join(', ')}; int8 unless given
  --plain      goes on with each text as it is, for models that were not taught to chat
  --context N  tokens of the conversation; more than the model's config allows is computed, with a warning`;

const DEFAULT_MODEL = 'public/models/lexicon';

/** The command `ask`. @returns 0, or 2 for wrong arguments. @throws BambaError of the engine. */
export async function main(args: string[]): Promise<number> {
  const request = readRequest(args, USAGE, readArguments);
  if (typeof request === 'number') return request;
  const { questions, scheme, values } = request;
  const settings = numbers({
    temperature: values.temperature,
    topK: values['top-k'],
    topP: values['top-p'],
    seed: values.seed,
    maxTokens: values['max-tokens'],
  });
  installDawn();
  const engine = await LocalEngine.load(await openModel(values.model, scheme, 'int8'), {
    ...numbers({ contextLength: values.context }),
    onMessage: (message) => console.error(message),
  });
  try {
    const messages: ChatMessage[] = [];
    for (const question of questions) {
      messages.push({ role: 'user', content: question });
      let answer = '';
      const input = values.plain ? { prompt: question } : { messages };
      for await (const event of engine.generate({ ...input, ...settings })) {
        if (event.type === 'text') {
          process.stdout.write(event.text);
          answer += event.text;
        }
        if (event.type === 'end' && values.stats) {
          const { promptTokens, cachedTokens, completionTokens, timeToFirstTokenS, decodeTokensPerS } = event.usage;
          process.stderr.write(
            `\n[${promptTokens} prompt tokens, ${cachedTokens} of them kept; ${completionTokens} tokens, ` +
              `first after ${timeToFirstTokenS.toFixed(2)} s, then ${decodeTokensPerS.toFixed(1)} tokens/s]`,
          );
        }
      }
      process.stdout.write('\n');
      messages.push({ role: 'assistant', content: answer });
    }
    return 0;
  } finally {
    engine.dispose();
  }
}

function readArguments(args: string[]) {
  const { values, positionals: questions } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      model: { type: 'string', default: DEFAULT_MODEL },
      dtype: { type: 'string' },
      temperature: { type: 'string' },
      'top-k': { type: 'string' },
      'top-p': { type: 'string' },
      seed: { type: 'string' },
      'max-tokens': { type: 'string' },
      context: { type: 'string' },
      plain: { type: 'boolean', default: false },
      stats: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  if (questions.length === 0) throw new Error('A question is needed.');
  const scheme = values.dtype === undefined ? undefined : oneOf('--dtype', values.dtype, SCHEMES);
  return { questions, scheme, values };
}

/** Arguments that were given, as numbers; what is none becomes NaN, which the engine refuses by name. */
function numbers(values: Record<string, string | undefined>): Record<string, number> {
  const given = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, value.trim() === '' ? NaN : Number(value)]));
}

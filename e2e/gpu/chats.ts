// Lexicon's golden chats, asked in a browser on a GPU in every way to run it. Answers, their ids and the tokens kept from
// turn to turn must be those of the original weights; of chats that are asked all at once, answers and their ids. The query says:
//   package     URL of Lexicon's int8 package
//   ways        names of WAYS, by default all that the adapter offers
// `__result` is then a promise of a Report.

import { LocalEngine, type LocalEngineOptions } from '../../src/engine/local-engine.ts';
import type { ChatMessage } from '../../src/engine/protocol.ts';
import { openStoredPackage } from '../../src/storage/packages/package-source.ts';
import { inScheme } from '../../src/testing/checkpoints/package-model.ts';
import type { GoldenChat } from '../../src/testing/models/golden-chats.ts';
import { KnownPrompts, STATE_CACHE_BYTES } from '../../src/testing/models/known-prompts.ts';
import chats from '../../src/text/fixtures/lexicon-chats.json';
import type { Scheme } from '../../src/weights/types.ts';

interface Way {
  scheme: Scheme;
  /** All chats are asked at once, and answers share their steps. */
  together?: boolean;
  options?: LocalEngineOptions;
}

/** As `balanced` where a browser offers no subgroup matrices. */
const INT8_ACTIVATIONS: LocalEngineOptions = { gpu: { subgroupMatrices: false } };

const WAYS: Readonly<Record<string, Way>> = {
  'int8, exact': { scheme: 'int8', options: { precision: 'exact' } },
  'int8, balanced': { scheme: 'int8' },
  'int8, balanced, with int8 activations': { scheme: 'int8', options: INT8_ACTIVATIONS },
  'int8, fast': { scheme: 'int8', options: { precision: 'fast' } },
  'int8, balanced, all chats at once': { scheme: 'int8', together: true },
  'int8, exact, all chats at once': { scheme: 'int8', together: true, options: { precision: 'exact' } },
  'int8, fast, all chats at once': { scheme: 'int8', together: true, options: { precision: 'fast' } },
  'int8 without subgroups': { scheme: 'int8', options: { gpu: { without: ['subgroups'] } } },
  'int8, keys and values in f32': { scheme: 'int8', options: { kvCacheType: 'f32' } },
  'int8, keys and values in f16': { scheme: 'int8', options: { kvCacheType: 'f16' } },
  'int8, keys and values in int8': { scheme: 'int8', options: { kvCacheType: 'int8' } },
  'int8, kept states in f16': { scheme: 'int8', options: { stateCacheType: 'f16' } },
  'int4, exact': { scheme: 'int4', options: { precision: 'exact' } },
  'int4, balanced': { scheme: 'int4' },
  'int4, balanced, all chats at once': { scheme: 'int4', together: true },
  'int4, balanced, with int8 activations': { scheme: 'int4', options: INT8_ACTIVATIONS },
  fp8: { scheme: 'fp8' },
  f16: { scheme: 'f16' },
  f32: { scheme: 'f32' },
};

interface Answers {
  turns: number;
  exact: number;
  /** Answers that differ: what was asked, and what came. */
  other: { question: string; answer: string }[];
  features: readonly string[];
}

interface Report {
  browser: string;
  ways: Record<string, Answers>;
}

const query = new URLSearchParams(location.search);

function say(line: string): void {
  console.log(line);
  document.querySelector('#log')?.append(`${line}\n`);
}

/** @param known what is known of prompts; null where that depends on which chat is asked first. */
async function askChat(
  engine: LocalEngine,
  chat: GoldenChat,
  known: KnownPrompts | null,
  answers: Answers,
): Promise<void> {
  const messages: ChatMessage[] = [];
  for (const turn of chat) {
    messages.push({ role: 'user', content: turn.question });
    let answer = '';
    const ids: number[] = [];
    let cached = -1;
    for await (const event of engine.generate({ messages })) {
      if (event.type === 'text') {
        answer += event.text;
        ids.push(...event.ids);
      }
      if (event.type === 'end') cached = event.usage.cachedTokens;
    }
    answers.turns++;
    const asKnown = known === null || cached === known.cachedTokens(turn);
    if (answer === turn.answer && ids.join() === turn.answer_ids.join() && asKnown) answers.exact++;
    else answers.other.push({ question: turn.question, answer });
    messages.push({ role: 'assistant', content: turn.answer });
  }
}

async function ask(engine: LocalEngine, together: boolean): Promise<Answers> {
  const answers: Answers = { turns: 0, exact: 0, other: [], features: engine.info.adapter.features };
  if (together) {
    await Promise.all((chats as GoldenChat[]).map((chat) => askChat(engine, chat, null, answers)));
    return answers;
  }
  const known = new KnownPrompts();
  for (const chat of chats as GoldenChat[]) await askChat(engine, chat, known, answers);
  return answers;
}

async function main(): Promise<Report> {
  const url = query.get('package');
  if (url === null) throw new Error('The query has no package.');
  const names = query.get('ways')?.split(',') ?? Object.keys(WAYS);
  const report: Report = { browser: navigator.userAgent, ways: {} };
  const source = await openStoredPackage(url, { store: null });
  for (const name of names) {
    const way = WAYS[name];
    if (!way) throw new Error(`There is no way ${name}; there are ${Object.keys(WAYS).join(', ')}.`);
    const inWay = way.scheme === source.manifest.scheme ? source : await inScheme(source, way.scheme);
    const engine = await LocalEngine.load(inWay, {
      ...way.options,
      ...(way.together && { batch: { most: 16 } }),
      stateCacheBytes: STATE_CACHE_BYTES,
    });
    const answers = await ask(engine, way.together ?? false);
    engine.dispose();
    say(`${name}: ${answers.exact} of ${answers.turns} turns exact (${answers.features.join(', ')})`);
    report.ways[name] = answers;
  }
  return report;
}

// Under this name whoever runs the page finds it.
Object.assign(globalThis, { __result: main() });

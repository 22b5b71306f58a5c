import { loadModel } from '../../engine/loading/load.ts';
import { type OpenModel, openModel } from '../../engine/loading/open-model.ts';
import { parseTokenInput } from '../../engine/prompts/request.ts';
import { TextSide } from '../../engine/prompts/text-side.ts';
import { BambaError } from '../../errors.ts';
import { generateIds } from '../../generate/generate.ts';
import { Gpu } from '../../gpu/device.ts';
import { forward } from '../../model/forward.ts';
import type { Model } from '../../model/model.ts';
import { GREEDY } from '../../sampling.ts';
import { isRepoName } from '../../storage/remote/repo-name.ts';
import { throwIfAborted } from '../../weights/abort.ts';
import type { Scheme } from '../../weights/types.ts';
import { rowDivergence } from './row-divergence.ts';

// Two models on one prompt, one after the other: each has the GPU for itself. The second one also reads what the first one
// answered, and tells how likely it holds each token of that.

/** A model to compare. */
export interface ComparedModel {
  /** A repository, or the address of a folder or a file; relative ones are taken from `base`. */
  model: string;
  /** Of a checkpoint; a package is of the type that it has. */
  dtype?: Scheme;
}

/** What a model did with the prompt. */
export interface SideResult {
  name: string;
  scheme: string;
  /** Bytes on the GPU. */
  memory: Model['bytes'];
  promptTokens: number;
  /** Tokens a second of the prompt, and of the answer behind its first token. */
  prefillTokensPerS: number;
  decodeTokensPerS: number;
  text: string;
  /** Of the answer, without one that ends it. */
  tokens: number;
}

/** How the second model sees a token that the first one answered. */
export interface ComparedToken {
  text: string;
  /** Divergence of its prediction from that of the first model, in nats. */
  kl: number;
  /** Probabilities of the token in both. */
  first: number;
  second: number;
  /** Whether both hold the same token for the likeliest. */
  agrees: boolean;
}

/** All that is known. */
export interface Comparison {
  sides: SideResult[];
  /** Null until it is known, and where the models cannot be compared token by token. */
  tokens: ComparedToken[] | null;
  /** Why they cannot. */
  reason: string | null;
}

/** What is compared, and who hears of it. */
export interface CompareOptions {
  models: readonly [ComparedModel, ComparedModel];
  prompt: string;
  /** Of an answer, at most. */
  maxTokens: number;
  /** The page's address. */
  base: string;
  signal: AbortSignal;
  onProgress: (what: string, share: number) => void;
  onResult: (sofar: Comparison) => void;
}

/** The answer of the first model, with what it takes to compare another one with it. */
interface Reference {
  text: TextSide;
  vocabulary: number;
  promptIds: readonly number[];
  answer: readonly number[];
  /** Logits before each token of the answer, (T, V). */
  logits: Float32Array;
}

/** Rows of logits are held in memory. */
const MOST_LOGIT_BYTES = 2 ** 30;

/**
 * Compares two models on a prompt.
 * @throws BambaError `aborted`, `prompt_empty`, `prompt_too_long`; as `openModel`, `loadModel` and `forward`
 */
export async function compareModels(options: CompareOptions): Promise<Comparison> {
  if (options.prompt.trim() === '') throw new BambaError('prompt_empty', 'The prompt is empty: write a question.');
  const result: Comparison = { sides: [], tokens: null, reason: null };
  const first = await withModel(options, 0, async (loaded) => {
    const { side, promptIds, answer } = await answerOf(loaded, options);
    result.sides.push(side);
    options.onResult(result);
    const vocabulary = loaded.model.architecture.vocabSize;
    const reference = { text: loaded.text, vocabulary, promptIds, answer };
    return { ...reference, logits: await logitsOf(loaded.model, promptIds, answer) };
  });
  await withModel(options, 1, async (loaded) => {
    result.sides.push((await answerOf(loaded, options)).side);
    result.reason = difference(first, loaded);
    options.onResult(result);
    if (result.reason === null) result.tokens = await compareTokens(first, loaded.model);
  });
  options.onResult(result);
  return result;
}

interface Loaded {
  model: Model;
  text: TextSide;
  name: string;
  scheme: string;
}

async function withModel<Result>(
  { models, base, signal, onProgress }: CompareOptions,
  index: 0 | 1,
  work: (loaded: Loaded) => Promise<Result>,
): Promise<Result> {
  const { model: asked, dtype } = models[index];
  const which = index === 0 ? 'the first model' : 'the second model';
  const source = isRepoName(asked) ? asked : addressOf(asked, base);
  const opened: OpenModel = await openModel(
    { model: source, ...(dtype && { dtype }) },
    {
      signal,
      onProgress: ({ message, loaded = 0, total = 0 }) =>
        onProgress(message ?? `Loading ${which}`, total > 0 ? loaded / total : 0),
    },
  );
  let gpu: Gpu | null = null;
  let model: Model | null = null;
  try {
    const { manifest } = opened.source;
    const text = await TextSide.load(opened.source);
    gpu = await Gpu.request();
    model = await loadModel(gpu, opened.source, { signal });
    onProgress(`${manifest.name} in ${manifest.scheme} answers`, 1);
    return await work({ model, text, name: manifest.name, scheme: manifest.scheme });
  } catch (error) {
    throw gpu ? await gpu.explain(error) : error;
  } finally {
    model?.dispose();
    gpu?.dispose();
    opened.close();
  }
}

function addressOf(address: string, base: string): string {
  if (URL.canParse(address, base)) return new URL(address, base).href;
  throw new BambaError(
    'setting_invalid',
    `${address} is neither a repository nor an address. Write org/name or ./path/.`,
  );
}

/** The greedy answer to the prompt, and how fast it came. */
async function answerOf(
  { model, text, name, scheme }: Loaded,
  { prompt, maxTokens, signal }: CompareOptions,
): Promise<{ side: SideResult; promptIds: readonly number[]; answer: number[] }> {
  const input = text.template.exists ? [{ role: 'user' as const, content: prompt }] : prompt;
  const promptIds = await text.encode(parseTokenInput(input, {}), signal);
  requireRoom(model, promptIds.length, maxTokens, name);
  model.state.reset();
  const begun = performance.now();
  await model.prefill(promptIds, { logits: true, signal });
  const answer: number[] = [];
  let first = 0;
  const settings = { values: GREEDY, limit: maxTokens, stopIds: [...text.stopIds], promptIds };
  for await (const { ids } of generateIds(model, settings)) {
    if (answer.length === 0) first = performance.now();
    answer.push(...ids);
    throwIfAborted(signal);
  }
  const seconds = (performance.now() - first) / 1000;
  const said = text.stopIds.includes(answer.at(-1)!) ? answer.slice(0, -1) : answer;
  return {
    side: {
      name,
      scheme,
      memory: model.bytes,
      promptTokens: promptIds.length,
      prefillTokensPerS: (1000 * promptIds.length) / (first - begun),
      decodeTokensPerS: answer.length > 1 && seconds > 0 ? (answer.length - 1) / seconds : Number.NaN,
      text: text.tokenizer.decode(said, { skipSpecialTokens: true }),
      tokens: said.length,
    },
    promptIds,
    answer,
  };
}

function requireRoom({ contextLength, architecture }: Model, prompt: number, answer: number, name: string): void {
  if (prompt + answer > contextLength) {
    throw new BambaError(
      'prompt_too_long',
      `The prompt takes ${prompt} tokens and the answer up to ${answer}, and ${name} has room for ${contextLength}. Shorten one of them.`,
    );
  }
  const most = Math.floor(MOST_LOGIT_BYTES / 4 / architecture.vocabSize);
  if (answer > most) throw new BambaError('setting_invalid', `The answer can have ${most} tokens to be compared.`);
}

/** Logits before each token of an answer, (T, V). */
async function logitsOf(model: Model, promptIds: readonly number[], answer: readonly number[]): Promise<Float32Array> {
  model.state.reset();
  const before = promptIds.slice(0, -1);
  if (before.length > 0) await model.prefill(before);
  return (await forward(model, [promptIds.at(-1)!, ...answer.slice(0, -1)])).logits;
}

/** Why tokens cannot be compared; null where they can. */
function difference(first: Reference, { model, text }: Loaded): string | null {
  const size = model.architecture.vocabSize;
  if (first.vocabulary !== size) {
    return `The models have vocabularies of ${first.vocabulary} and ${size} tokens: their predictions cannot be compared token by token.`;
  }
  for (let id = 0; id < size; id++) {
    if (first.text.tokenizer.idToToken(id) === text.tokenizer.idToToken(id)) continue;
    return `The models have other tokens, such as that of id ${id}: their predictions cannot be compared token by token.`;
  }
  const room = model.contextLength - first.promptIds.length - first.answer.length;
  return room < 0 ? 'The second model has no room for what the first one read and answered.' : null;
}

async function compareTokens(first: Reference, model: Model): Promise<ComparedToken[]> {
  const { promptIds, answer, vocabulary, logits, text } = first;
  const own = await logitsOf(model, promptIds, answer);
  const decoding = text.tokenizer.startDecoding();
  return answer.map((id, row) => {
    const of = (all: Float32Array) => all.subarray(row * vocabulary, (row + 1) * vocabulary);
    const { kl, agrees, reference, logprob } = rowDivergence(of(logits), of(own));
    const piece = decoding.push(id) || text.tokenizer.idToToken(id) || '';
    return { text: piece, kl, agrees, first: Math.exp(reference(id)), second: Math.exp(logprob(id)) };
  });
}

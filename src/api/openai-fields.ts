// Parameters of OpenAI's API that change nothing of an answer here. Some of their values ask for things that a model in the
// page cannot give. Clients send many of them with every request.

import { BambaError } from '../errors.ts';
import type { InertChatParams, InertParams } from './openai-types.ts';

/** Whether a value asks for nothing that is not given; what to say where it does. */
interface Inert {
  taken: (value: unknown, params: Readonly<Record<string, unknown>>) => boolean;
  refusal: string;
}

/** Every value is taken. */
const ANY: Inert = { taken: () => true, refusal: '' };

/** About who asks: nobody but this page hears of it. */
const SHARED: Readonly<Record<keyof InertParams, Inert>> = { user: ANY };

const CHAT: Readonly<Record<keyof InertChatParams, Inert>> = {
  ...SHARED,
  // About servers: where an answer is kept, who may read it, what it costs, how long a prompt is known.
  store: ANY,
  metadata: ANY,
  service_tier: ANY,
  safety_identifier: ANY,
  prompt_cache_key: ANY,
  prompt_cache_options: ANY,
  prompt_cache_retention: ANY,
  // A guess of the answer makes it come sooner at most.
  prediction: ANY,
  parallel_tool_calls: {
    // The one tool that has to be called is called once.
    taken: (value, { tools, tool_choice: choice }) =>
      value === true || isEmptyList(tools) || choice === 'none' || typeof choice === 'object',
    refusal: 'parallel_tool_calls: false cannot be kept to, unless tool_choice names the tool. Leave it out.',
  },
  reasoning_effort: {
    taken: (value) => value === 'none' || value === 'minimal',
    refusal: "reasoning_effort takes 'none' or 'minimal': how long a model thinks cannot be chosen. Leave it out.",
  },
  verbosity: {
    taken: (value) => value === 'medium',
    refusal: "verbosity takes 'medium'. Ask for a longer or shorter answer in a message.",
  },
  modalities: {
    taken: (value) => Array.isArray(value) && value.every((one) => one === 'text'),
    refusal: "modalities takes ['text']: these models write text alone.",
  },
  audio: { taken: () => false, refusal: 'audio cannot be given: these models write text alone.' },
  web_search_options: {
    taken: () => false,
    refusal: 'web_search_options need a server that searches; leave them out.',
  },
  moderation: { taken: () => false, refusal: 'moderation needs a server that moderates; leave it out.' },
  functions: { taken: isEmptyList, refusal: 'functions are not taken; give them as tools, their followers.' },
  function_call: {
    taken: (value) => value === 'none' || value === 'auto',
    refusal: 'function_call is not taken; give tool_choice, its follower.',
  },
};

const TEXT: Readonly<Record<string, Inert>> = {
  ...SHARED,
  suffix: { taken: (value) => value === '', refusal: 'suffix cannot be kept to: these models only continue a text.' },
  best_of: {
    taken: (value, { n = 1 }) => value === n,
    refusal: 'best_of takes the value of n: all answers are given, none is left out.',
  },
};

/** The parameters without effect, by the method that takes them. */
export const INERT = { chat: CHAT, text: TEXT };

/**
 * Checks and leaves out what changes nothing.
 * @throws BambaError `setting_invalid` for a value that would ask for what is not given
 */
export function withoutInert<Params extends object>(params: Params, inert: Readonly<Record<string, Inert>>): Params {
  const given = params as Readonly<Record<string, unknown>>;
  const kept = Object.entries(given).filter(([name, value]) => {
    if (!Object.hasOwn(inert, name)) return true;
    const { taken, refusal } = inert[name]!;
    if (!taken(value, given)) throw new BambaError('setting_invalid', refusal);
    return false;
  });
  return Object.fromEntries(kept) as Params;
}

function isEmptyList(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.length === 0);
}

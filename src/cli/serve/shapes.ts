// The types of what requests have. What values mean, and which are allowed, the engine's API checks itself.

import * as v from 'valibot';
import type { JsonObject } from './body.ts';
import { badRequest } from './fault.ts';

const text = v.nullish(v.string());
const flag = v.nullish(v.boolean());
const number = v.nullish(v.number());
const object = v.nullish(v.looseObject({}));

const part = v.looseObject({ type: v.string(), text, refusal: text });
const content = v.nullish(v.union([v.string(), v.array(part)]));
const call = v.looseObject({
  id: v.string(),
  type: v.literal('function'),
  function: v.looseObject({ name: v.string(), arguments: v.string() }),
});
const message = v.looseObject({
  role: v.string(),
  content,
  refusal: text,
  name: text,
  tool_calls: v.nullish(v.array(call)),
  tool_call_id: text,
});
const described = { name: v.string(), description: v.optional(v.string()), parameters: object };
const schema = v.nullish(v.union([v.looseObject({}), v.boolean()]));

/** Parameters that all ways to ask have. */
const shared = {
  model: text,
  stream: flag,
  temperature: number,
  top_p: number,
  user: text,
};
const sampled = {
  ...shared,
  stream_options: object,
  n: number,
  stop: v.nullish(v.union([v.string(), v.array(v.string())])),
  seed: number,
  max_tokens: number,
  top_k: number,
  min_p: number,
  repetition_penalty: number,
  presence_penalty: number,
  frequency_penalty: number,
  logit_bias: v.nullish(v.record(v.string(), v.number())),
};

const CHAT = v.looseObject({
  ...sampled,
  messages: v.array(message),
  max_completion_tokens: number,
  logprobs: flag,
  top_logprobs: number,
  response_format: v.nullish(
    v.looseObject({ type: v.string(), json_schema: v.nullish(v.looseObject({ name: text, schema })) }),
  ),
  tools: v.nullish(v.array(v.looseObject({ type: v.literal('function'), function: v.looseObject(described) }))),
  tool_choice: v.nullish(
    v.union([
      v.string(),
      v.looseObject({ type: v.literal('function'), function: v.looseObject({ name: v.string() }) }),
    ]),
  ),
});

const ids = v.array(v.number());
const TEXT = v.looseObject({
  ...sampled,
  prompt: v.union([v.string(), ids, v.array(v.string()), v.array(ids)]),
  echo: flag,
  logprobs: number,
});

const item = v.looseObject({
  type: text,
  role: text,
  content,
  call_id: text,
  name: text,
  arguments: text,
  output: content,
});
const RESPONSE = v.looseObject({
  ...shared,
  input: v.union([v.string(), v.array(item)]),
  instructions: text,
  previous_response_id: text,
  max_output_tokens: number,
  store: flag,
  truncation: text,
  tools: v.nullish(v.array(v.looseObject({ type: v.literal('function'), ...described }))),
  tool_choice: v.nullish(v.union([v.string(), v.looseObject({ type: v.literal('function'), name: v.string() })])),
  text: v.nullish(v.looseObject({ format: v.nullish(v.looseObject({ type: v.string(), name: text, schema })) })),
});

const TOKENIZE = v.looseObject({
  model: text,
  prompt: v.optional(v.string()),
  messages: v.optional(v.array(message)),
  add_special_tokens: flag,
  add_generation_prompt: flag,
  continue_final_message: flag,
  return_token_strs: flag,
});
const DETOKENIZE = v.looseObject({ model: text, tokens: ids });

/** The shapes of bodies. */
export const SHAPES = {
  chat: CHAT,
  text: TEXT,
  response: RESPONSE,
  tokenize: TOKENIZE,
  detokenize: DETOKENIZE,
} as const;

/** The body of a request whose types are right. */
export type Shaped<Name extends keyof typeof SHAPES> = v.InferOutput<(typeof SHAPES)[Name]>;

/** @throws HttpFault 400 that names the first wrong parameter */
export function shaped<Name extends keyof typeof SHAPES>(name: Name, body: JsonObject): Shaped<Name> {
  const result = v.safeParse(SHAPES[name], body, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const param = v.getDotPath(issue);
  throw badRequest(`${param ?? 'The body'}: ${issue.message}.`, param === null ? {} : { param });
}

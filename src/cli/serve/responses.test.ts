import { afterEach, expect, test } from 'vitest';
import type { GenerationEvent, ToolCall } from '../../engine/protocol.ts';
import { endEvent, FakeEngine, textEvent } from '../../testing/engines/fake-engine.ts';
import { type ServedEngine, serveEngine } from '../../testing/engines/served-engine.ts';

// The Responses API, as OpenAI's own client has it.

let served: ServedEngine | undefined;
afterEach(() => served?.close());

async function serve(...events: GenerationEvent[]) {
  const fake = new FakeEngine(...events);
  served = await serveEngine(fake);
  return { ...served, fake };
}

const call: ToolCall = { id: 'abc', name: 'f', arguments: '{"a":1}' };
const tools = [{ type: 'function' as const, name: 'f', parameters: { type: 'object' }, strict: true }];

test('answers, and goes on from an answer by its id', async () => {
  const { client, fake } = await serve(textEvent('Hel'), textEvent('lo'), endEvent());
  const first = await client.responses.create({
    model: 'fake',
    input: 'Hi',
    instructions: 'Be short.',
    max_output_tokens: 9,
    temperature: 0.5,
  });
  expect(first).toMatchObject({ object: 'response', status: 'completed', output_text: 'Hello', error: null });
  expect(first.usage).toEqual({
    input_tokens: 7,
    input_tokens_details: { cached_tokens: 3 },
    output_tokens: 2,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 9,
  });
  const second = await client.responses.create({ model: 'fake', input: 'And?', previous_response_id: first.id });
  expect(fake.requests.map(({ messages }) => messages)).toEqual([
    [
      { role: 'system', content: 'Be short.' },
      { role: 'user', content: 'Hi' },
    ],
    // The instructions of a turn are its own.
    [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hello' },
      { role: 'user', content: 'And?' },
    ],
  ]);
  expect(fake.requests[0]).toMatchObject({ maxTokens: 9, temperature: 0.5 });
  expect(await client.responses.retrieve(second.id)).toMatchObject({ id: second.id, previous_response_id: first.id });
  await client.responses.delete(first.id);
  await expect(client.responses.retrieve(first.id)).rejects.toMatchObject({ status: 404 });
  const unkept = await client.responses.create({ model: 'fake', input: 'Hi', store: false });
  const after = { model: 'fake', input: 'And?', previous_response_id: unkept.id };
  await expect(client.responses.create(after)).rejects.toMatchObject({ code: 'previous_response_not_found' });
});

test('streams events that the client puts together', async () => {
  const { client } = await serve(textEvent('Hel'), textEvent('lo'), { type: 'toolCall', call }, endEvent());
  const types: string[] = [];
  const stream = client.responses.stream({ model: 'fake', input: 'Hi', tools });
  for await (const event of stream) types.push(event.type);
  const whole = await stream.finalResponse();
  expect(whole).toMatchObject({
    status: 'completed',
    incomplete_details: null,
    output_text: 'Hello',
    output: [{ type: 'message' }, { type: 'function_call', call_id: 'abc', name: 'f', arguments: '{"a":1}' }],
  });
  expect(types).toEqual([
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.content_part.added',
    'response.output_text.delta',
    'response.output_text.delta',
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.output_item.added',
    'response.function_call_arguments.delta',
    'response.function_call_arguments.done',
    'response.output_item.done',
    'response.completed',
  ]);
});

test('says that a limit cut an answer off', async () => {
  const { client } = await serve(textEvent('Hel'), endEvent('length'));
  expect(await client.responses.create({ model: 'fake', input: 'Hi' })).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'max_output_tokens' },
    output: [{ type: 'message', status: 'incomplete' }],
  });
  const types: string[] = [];
  for await (const { type } of await client.responses.create({ model: 'fake', input: 'Hi', stream: true })) {
    types.push(type);
  }
  expect(types.at(-1)).toBe('response.incomplete');
});

test('has tools called and told of, and takes a form', async () => {
  const { client, fake } = await serve({ type: 'toolCall', call }, endEvent());
  const asked = { model: 'fake', tools, tool_choice: { type: 'function' as const, name: 'f' } };
  const first = await client.responses.create({ ...asked, input: [{ role: 'user', content: 'Hi' }] });
  expect(first.output).toMatchObject([{ type: 'function_call', name: 'f', call_id: 'abc' }]);
  const output = { type: 'function_call_output' as const, call_id: 'abc', output: 'done' };
  const format = { type: 'json_schema' as const, name: 'x', schema: { type: 'object' } };
  await client.responses.create({
    model: 'fake',
    input: [output],
    previous_response_id: first.id,
    truncation: 'auto',
    text: { format },
  });
  // The same said by who keeps nothing on the server.
  await client.responses.create({
    model: 'fake',
    input: [
      { role: 'developer', content: [{ type: 'input_text', text: 'Be short.' }] },
      { role: 'user', content: 'Hi' },
      { type: 'function_call', call_id: 'abc', name: 'f', arguments: '{"a":1}' },
      output,
    ],
  });
  const said = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: '', toolCalls: [call] },
    { role: 'tool', content: 'done', toolCallId: 'abc' },
  ];
  expect(fake.requests[0]).toMatchObject({
    tools: [{ name: 'f', parameters: { type: 'object' } }],
    toolChoice: { name: 'f' },
  });
  expect(fake.requests[1]).toEqual({
    messages: said,
    json: { schema: { type: 'object' } },
    contextOverflow: 'drop-oldest-turns',
  });
  expect(fake.requests[2]?.messages).toEqual([{ role: 'system', content: 'Be short.' }, ...said]);
});

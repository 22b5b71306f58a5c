import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { ChatTemplate, readChatTemplate } from './chat-template.ts';
import { arbitraryText } from './fixtures/arbitrary-text.ts';
import { readLexiconFiles } from './fixtures/lexicon.ts';
import { byteFallbackFiles, metaspaceFiles } from './fixtures/synthetic.ts';
import type { Message } from './template-message.ts';
import { createTokenizer, type Tokenizer } from './tokenizer.ts';

const lexiconFiles = readLexiconFiles();
const lexicon = createTokenizer(lexiconFiles.tokenizerJson, lexiconFiles.tokenizerConfig);
const chatMl = readChatTemplate(lexiconFiles.tokenizerConfig)!;
const said = (...contents: string[]): Message[] =>
  contents.map((content, index) => ({ role: index % 2 === 0 ? 'user' : 'assistant', content }));

/** Where each beginning of a chat ends in its prompt with a header, from none of its messages to all. */
async function ends(chat: ChatTemplate, messages: readonly Message[]) {
  const prompt = await chat.promptInSlices(messages, { addGenerationPrompt: true });
  expect(prompt.ids).toEqual(chat.encode(messages, { addGenerationPrompt: true }));
  return Promise.all([...messages.keys(), messages.length].map((count) => prompt.endOf(count)));
}

/** Counts the characters that are made into ids. */
function counting(tokenizer: Tokenizer): { tokenizer: Tokenizer; characters: () => number } {
  let characters = 0;
  const counted = new Proxy(tokenizer, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...given: unknown[]) => {
        if (name.toString().startsWith('encode')) characters += (given[0] as string).length;
        return Reflect.apply(value, target, given) as unknown;
      };
    },
  });
  return { tokenizer: counted, characters: () => characters };
}

describe('where messages end in a prompt', () => {
  const conversation = fc.array(
    fc.record({ role: fc.constantFrom('system', 'user', 'assistant'), content: arbitraryText }),
    { maxLength: 5 },
  );

  test('is how many ids they are alone, whatever was typed', async () => {
    const chat = new ChatTemplate(chatMl, lexicon);
    await fc.assert(
      fc.asyncProperty(conversation, async (messages) => {
        const alone = [...messages.keys(), messages.length].map(
          (count) => chat.encode(messages.slice(0, count)).length,
        );
        expect(await ends(chat, messages)).toEqual(alone);
      }),
      { numRuns: 200, seed: 20261130 },
    );
  });

  test('is known of the kinds of tokenizers that put a space before a text', async () => {
    const marked =
      '{% for m in messages %}</s>{{ m.content }}{% endfor %}{% if add_generation_prompt %}</s>{% endif %}';
    for (const { tokenizerJson, tokenizerConfig } of [byteFallbackFiles(), metaspaceFiles()]) {
      const chat = new ChatTemplate(marked, createTokenizer(tokenizerJson, tokenizerConfig));
      const messages = said('the hello', 'so', 'a lot to the other');
      const alone = [0, 1, 2, 3].map((count) => chat.encode(messages.slice(0, count)).length);
      expect(await ends(chat, messages)).toEqual(alone);
    }
  });

  it('is the end of the prompt where there is no header', async () => {
    const chat = new ChatTemplate(chatMl, lexicon);
    const prompt = await chat.promptInSlices(said('What?'));
    expect(await prompt.endOf(1)).toBe(prompt.ids.length);
  });

  it('is not known where the template writes a message otherwise when others follow', async () => {
    const template =
      '{% for m in messages %}{{ m.content if loop.last else m.content | upper }}\n{% endfor %}{% if add_generation_prompt %}So:{% endif %}';
    expect(await ends(new ChatTemplate(template, lexicon), said('one', 'two', 'three'))).toEqual([
      0,
      null,
      null,
      expect.any(Number),
    ]);
  });

  it('is not known where the template takes no chat that ends there', async () => {
    const template = `{% if messages[-1].role != 'user' %}{{ raise_exception('no question') }}{% endif %}${chatMl}`;
    const [nothing, ...others] = await ends(new ChatTemplate(template, lexicon), said('one', 'two', 'three'));
    expect([nothing, others[1]]).toEqual([null, null]);
    expect(others[0]).toBeGreaterThan(0);
  });

  it('is not known where a token reaches over it', async () => {
    const template = '{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}pple{% endif %}';
    const chat = new ChatTemplate(template, lexicon);
    const [, end] = await ends(chat, said('an a'));
    const apart = chat.encode(said('an a')).length + lexicon.encode('pple', { addSpecialTokens: false }).length;
    expect(chat.encode(said('an a'), { addGenerationPrompt: true }).length).toBeLessThan(apart);
    expect(end).toBeNull();
  });

  it('is found in a long chat without making all of it into ids again', async () => {
    const { tokenizer, characters } = counting(lexicon);
    const chat = new ChatTemplate(chatMl, tokenizer);
    const messages = said(...Array.from({ length: 201 }, (_, turn) => `What is ${turn}? `.repeat(40)));
    const prompt = await chat.promptInSlices(messages, { addGenerationPrompt: true });
    const once = characters();
    expect(once).toBeGreaterThan(90_000);
    expect(await prompt.endOf(messages.length)).toBe(prompt.ids.length - 5);
    expect(await prompt.endOf(messages.length - 1)).toBeGreaterThan(0);
    expect(await prompt.endOf(1)).toBeGreaterThan(0);
    expect(characters()).toBeLessThan(1.02 * once);
  });

  it('hears of an abort', async () => {
    const abort = new AbortController();
    const chat = new ChatTemplate(chatMl, lexicon);
    const prompt = await chat.promptInSlices(said('What?', 'That.', 'Why?'), { signal: abort.signal });
    abort.abort();
    await expect(prompt.endOf(2)).rejects.toMatchObject({ code: 'aborted' });
  });
});

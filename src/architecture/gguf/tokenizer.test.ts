import { describe, expect, it } from 'vitest';
import { type GgufEntry, ggufBytes } from '../../testing/checkpoints/test-gguf.ts';
import { memorySource } from '../../weights/byte-source.ts';
import { readGgufHeader } from '../../weights/gguf/header.ts';
import { ggufTokenizer } from './tokenizer.ts';

async function tokenizerOf(metadata: Readonly<Record<string, GgufEntry>>) {
  const file = ggufBytes({ 'general.architecture': { text: 'llama' }, ...metadata });
  return ggufTokenizer((await readGgufHeader(memorySource({ f: file }), 'f')).metadata);
}

const PIECES = ['<unk>', '<s>', '</s>', '<0x0A>', '▁', 'a', 'b', '▁a', 'ab', '▁ab', '<tool>'];

const sentencePieces = (more: Readonly<Record<string, GgufEntry>> = {}): Record<string, GgufEntry> => ({
  'tokenizer.ggml.model': { text: 'llama' },
  'tokenizer.ggml.tokens': { texts: PIECES },
  'tokenizer.ggml.scores': { f32s: [0, 0, 0, 0, -6, -5, -4, -3, -1, -2, 0] },
  'tokenizer.ggml.token_type': { i32s: [2, 3, 3, 6, 1, 1, 1, 1, 1, 1, 4] },
  'tokenizer.ggml.bos_token_id': { u32: 1 },
  'tokenizer.ggml.eos_token_id': { u32: 2 },
  'tokenizer.ggml.unknown_token_id': { u32: 0 },
  ...more,
});

describe('ggufTokenizer', () => {
  it('joins pieces of SentencePiece in the order of their scores', async () => {
    const { tokenizer, config } = await tokenizerOf(sentencePieces());
    const { merges, byte_fallback: bytes, unk_token: unknown } = tokenizer['model'] as Record<string, unknown>;
    expect(merges).toEqual([
      ['a', 'b'],
      ['▁', 'ab'],
      ['▁a', 'b'],
      ['▁', 'a'],
    ]);
    expect([bytes, unknown]).toEqual([true, '<unk>']);
    expect(config).toEqual({ bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' });
  });

  it('marks control tokens as special, and tokens of users as not', async () => {
    const { tokenizer } = await tokenizerOf(sentencePieces());
    const added = tokenizer['added_tokens'] as { content: string; special: boolean }[];
    expect(added.map(({ content, special }) => [content, special])).toEqual([
      ['<unk>', true],
      ['<s>', true],
      ['</s>', true],
      ['<tool>', false],
    ]);
  });

  it('puts a space before a text, or none where the file says so', async () => {
    const normalizer = async (more: Readonly<Record<string, GgufEntry>>) =>
      JSON.stringify((await tokenizerOf(sentencePieces(more))).tokenizer['normalizer']);
    expect(await normalizer({})).toContain('Prepend');
    expect(await normalizer({ 'tokenizer.ggml.add_space_prefix': { bool: false } })).not.toContain('Prepend');
  });

  it.each([
    [{}, ['<s>', 'A']],
    [{ 'tokenizer.ggml.add_bos_token': { bool: false } }, null],
    [{ 'tokenizer.ggml.add_eos_token': { bool: true } }, ['<s>', 'A', '</s>']],
  ] as const)('surrounds texts as the file says: %j', async (more, expected) => {
    const { tokenizer } = await tokenizerOf(sentencePieces(more));
    const processor = tokenizer['post_processor'] as { single: Record<string, { id: string }>[] } | null;
    expect(processor?.single.map((piece) => Object.values(piece)[0]!.id) ?? null).toEqual(expected);
  });

  it('takes one chat template, or all of them by name', async () => {
    const one = await tokenizerOf(sentencePieces({ 'tokenizer.chat_template': { text: 'x' } }));
    expect(one.config['chat_template']).toBe('x');
    const both = { 'tokenizer.chat_template': { text: 'x' }, 'tokenizer.chat_template.tool_use': { text: 'y' } };
    expect((await tokenizerOf(sentencePieces(both))).config['chat_template']).toEqual([
      { name: 'default', template: 'x' },
      { name: 'tool_use', template: 'y' },
    ]);
  });

  it.each([
    ['smollm', ['Digits', 'ByteLevel'], false, null],
    ['gpt-2', ['ByteLevel'], false, null],
    ['llama-bpe', ['Split', 'ByteLevel'], true, ['<s>', 'A']],
    ['qwen2', ['Split', 'ByteLevel'], false, null],
    ['gpt-4o', ['Split', 'ByteLevel'], false, null],
  ])('cuts texts in the way that is called %s', async (pre, steps, ignores, surrounded) => {
    const { tokenizer } = await tokenizerOf({
      'tokenizer.ggml.model': { text: 'gpt2' },
      'tokenizer.ggml.pre': { text: pre },
      'tokenizer.ggml.tokens': { texts: ['a', 'b', 'ab', '<s>'] },
      'tokenizer.ggml.merges': { texts: ['a b'] },
      'tokenizer.ggml.bos_token_id': { u32: 3 },
    });
    const cutting = tokenizer['pre_tokenizer'] as { pretokenizers: { type: string }[] };
    expect(cutting.pretokenizers.map(({ type }) => type)).toEqual(steps);
    expect((tokenizer['model'] as Record<string, unknown>)['ignore_merges']).toBe(ignores);
    const processor = tokenizer['post_processor'] as { single: Record<string, { id: string }>[] } | null;
    expect(processor?.single.map((piece) => Object.values(piece)[0]!.id) ?? null).toEqual(surrounded);
  });

  it('refuses scores of too few tokens', async () => {
    const short = sentencePieces({ 'tokenizer.ggml.scores': { f32s: [0] } });
    await expect(tokenizerOf(short)).rejects.toThrow(/tokenizer\.ggml\.scores has to have an entry for each of the 11/);
  });
});

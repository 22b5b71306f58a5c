// Tests that may be skipped, and why: what they need is not everywhere. `npm test` fails where another one is skipped.

/**
 * @typedef {object} ExpectedSkip
 * @property {string} file what the path of the test file begins with, from the root
 * @property {RegExp} name matches its name, with those of its suites: `suite > test`
 * @property {string} reason what is missing
 */

/** @type {readonly ExpectedSkip[]} */
export const EXPECTED_SKIPS = [
  {
    file: 'src/kernels/',
    name: /^\w+ with f16 > /,
    reason: 'the adapter has no f16, as SwiftShader has none',
  },
  {
    file: 'e2e/firefox/',
    name: /^in Firefox > /,
    reason: 'there is no Firefox, and none could be installed',
  },
  {
    file: 'src/engine/answers/chats.gpu.test.ts',
    name: /^Lexicon answers as the original > /,
    reason: 'further chats, which `npm run test:chats` asks for',
  },
  {
    file: 'src/engine/answers/rounded-chats.gpu.test.ts',
    name: /^Lexicon answers sixteen at once as the original > /,
    reason: 'further chats, which `npm run test:chats` asks for',
  },
  {
    file: 'e2e/together.spec.ts',
    name: /^three elements ask Lexicon at once/,
    reason: 'Lexicon three times over, which `npm run test:all` takes',
  },
  {
    file: 'src/engine/int8-activations.gpu.test.ts',
    name: /^int8 activations > change logits of int8 weights/,
    reason: 'Lexicon answers with them in chats.gpu.test.ts; `npm run test:all` takes it',
  },
  {
    file: 'src/engine/states/reuse.gpu.test.ts',
    name: /^of a chat with Lexicon > /,
    reason: 'a chat of the whole model, which `npm run test:all` takes',
  },
  {
    file: 'src/model/random-models.gpu.test.ts',
    name: /^a whole model > of .+ is the reference in '\w+'$/,
    reason: 'all that is particular about the family is met in others; `npm run test:all` takes it',
  },
  {
    file: 'src/reference/forward.test.ts',
    name: /^forward on the goldens of BAMBA_GOLDENS > /,
    reason: 'BAMBA_GOLDENS names no folder of further goldens',
  },
  {
    file: 'src/cli/convert.test.ts',
    name: /^the package of Lexicon > is what its checkpoint converts to/,
    reason: 'BAMBA_LEXICON names no folder with the checkpoint of Lexicon, 70 MB',
  },
  {
    file: 'src/kernels/naga.test.ts',
    name: /^every variant of every shader in naga > /,
    reason: 'there is no naga (the Rust crate naga-cli)',
  },
  {
    file: 'src/architecture/families/defaults.test.ts',
    name: /are what the installed classes give$/,
    reason: 'there is no transformers 5 in Python',
  },
  {
    file: 'src/text/jinja-oracle/',
    name: /./,
    reason: 'there is no jinja2 in Python',
  },
  {
    file: 'src/text/rust-tokenizers.test.ts',
    name: /10,000 texts over 400 generated tokenizers$/,
    reason: 'there is no tokenizers 0.23.2 in Python',
  },
  {
    file: 'src/cli/public-models.test.ts',
    name: /^(SmolLM2-135M-Instruct|Gemma 3 270M) > /,
    reason: 'there is no trained model in trained/, which `npm run get:public` brings, or it takes `npm run test:all`',
  },
  {
    file: 'src/cli/public-models.gpu.test.ts',
    name: /^(SmolLM2-135M-Instruct|Gemma 3 270M) > /,
    reason: 'there is no trained model in trained/, which `npm run get:public` brings, or it takes `npm run test:all`',
  },
  {
    file: 'e2e/public-models.spec.ts',
    name: /^SmolLM2 chats/,
    reason: 'there is no SmolLM2 in trained/, which `npm run get:public` brings, or it takes `npm run test:all`',
  },
  {
    file: 'src/weights/gguf/blocks.test.ts',
    name: /^the Python package gguf > /,
    reason: 'there is no gguf in Python',
  },
];

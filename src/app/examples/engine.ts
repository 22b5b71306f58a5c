// The library without the element: load a model, ask it, write the answer as it comes.

import { createEngine } from 'bamba-web';

const form = document.querySelector('form')!;
const word = form.querySelector('input')!;
const button = form.querySelector('button')!;
const status = document.querySelector<HTMLElement>('#status')!;
const meaning = document.querySelector<HTMLElement>('#meaning')!;

const engine = await createEngine({
  model: '../models/lexicon/',
  onProgress({ stage, progress }) {
    const share = Math.floor(100 * progress);
    status.textContent = `${stage === 'compile' ? 'Preparing the GPU' : 'Loading the model'} … ${share} %`;
  },
});
status.textContent = `${engine.info.model.name} is ready.`;
button.disabled = false;

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void lookUp(word.value);
});

async function lookUp(text: string): Promise<void> {
  button.disabled = true;
  meaning.textContent = '';
  const messages = [{ role: 'user' as const, content: `Define ${text}.` }];
  for await (const event of engine.generate({ messages, maxTokens: 64 })) {
    if (event.type === 'text') meaning.append(event.text);
    else if (event.type === 'end') status.textContent = `${Math.round(event.usage.decodeTokensPerS)} tokens/s`;
  }
  button.disabled = false;
}

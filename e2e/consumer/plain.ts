// The types of the library and the element in a project of strict TypeScript. Each wrong line says that it is one.

import { BambaError, createEngine, type LoadProgress } from 'bamba-web';
import { BambaChat } from 'bamba-web/define';

const chat = document.createElement('bamba-chat');
chat.maxTokens = 64;
chat.suggestions = ['What is an apple?'];
// @ts-expect-error a number
chat.maxTokens = '64';
// @ts-expect-error one of the schemes
chat.dtype = 'int5';

chat.addEventListener('bamba-progress', ({ detail }) => {
  const progress: LoadProgress = detail;
  console.log(progress.stage);
});
chat.addEventListener('bamba-answer', ({ detail }) => console.log(detail.answer, detail.usage?.completionTokens));
chat.addEventListener('bamba-error', ({ detail }) => console.log(detail.code, detail.message));
// @ts-expect-error an answer has no sentence
chat.addEventListener('bamba-answer', ({ detail }) => console.log(detail.sentence));
// Events bubble.
document.addEventListener('bamba-theme', ({ detail }) => console.log(detail === 'dark'));

const found: BambaChat | null = document.querySelector('bamba-chat');
console.log(found?.info?.model.name, found instanceof BambaChat);

try {
  const engine = await createEngine({ model: '/models/lexicon/', onProgress: ({ loaded }) => console.log(loaded) });
  const { choices } = await engine.chat.completions.create({ messages: [{ role: 'user', content: 'Hello' }] });
  console.log(choices[0]?.message.content);
  // @ts-expect-error it may be absent
  console.log(choices[0].message.content);
} catch (error) {
  if (error instanceof BambaError) console.log(error.code === 'network');
}

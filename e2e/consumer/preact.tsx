/** @jsxImportSource preact */
import type { BambaChat } from 'bamba-web/preact';

export const right = (
  <bamba-chat
    id="chat"
    model="/models/lexicon/"
    temperature={0.7}
    max-tokens="64"
    suggestions={['What is an apple?']}
    ref={(chat: BambaChat | null) => console.log(chat?.busy)}
    onbamba-answer={({ detail }) => console.log(detail.answer)}
  />
);

// @ts-expect-error a number
export const text = <bamba-chat temperature="0.7" />;
// @ts-expect-error no such attribute
export const misspelt = <bamba-chat modle="/models/lexicon/" />;
// @ts-expect-error an answer has no sentence
export const wrong = <bamba-chat onbamba-answer={({ detail }) => console.log(detail.sentence)} />;

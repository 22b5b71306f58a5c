/** @jsxImportSource solid-js */
import type { BambaChat } from 'bamba-web/solid';

export const right = (
  <bamba-chat
    id="chat"
    model="/models/lexicon/"
    temperature={0.7}
    max-tokens="64"
    suggestions={['What is an apple?']}
    ref={(chat: BambaChat) => console.log(chat.busy)}
    on:bamba-answer={({ detail }) => console.log(detail.answer)}
  />
);

// @ts-expect-error a number
export const text = <bamba-chat temperature="0.7" />;
// @ts-expect-error no such attribute
export const misspelt = <bamba-chat modle="/models/lexicon/" />;
// @ts-expect-error an answer has no sentence
export const wrong = <bamba-chat on:bamba-answer={({ detail }) => console.log(detail.sentence)} />;

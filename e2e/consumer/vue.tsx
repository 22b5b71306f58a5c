/** @jsxImportSource vue */
import 'bamba-web/vue';
import type { GlobalComponents } from 'vue';

export const right = (
  <bamba-chat
    id="chat"
    model="/models/lexicon/"
    temperature={0.7}
    max-tokens="64"
    suggestions={['What is an apple?']}
    onBambaAnswer={({ detail }) => console.log(detail.answer)}
  />
);

// @ts-expect-error a number
export const text = <bamba-chat temperature="0.7" />;
// @ts-expect-error no such attribute
export const misspelt = <bamba-chat modle="/models/lexicon/" />;
// @ts-expect-error an answer has no sentence
export const wrong = <bamba-chat onBambaAnswer={({ detail }) => console.log(detail.sentence)} />;

/** The types that checkers of templates read. */
type Chat = InstanceType<GlobalComponents['bamba-chat']>;
export const properties: Chat['$props'] = { temperature: 0.7, class: 'wide' };
// @ts-expect-error a number
export const textProperties: Chat['$props'] = { temperature: '0.7' };
export const emit = (chat: Chat, event: CustomEvent<'dark'>): void => {
  chat.$emit('bamba-theme', event);
  // @ts-expect-error no such event
  chat.$emit('bamba-colour', event);
};

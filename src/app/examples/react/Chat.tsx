import 'bamba-web/react';

const SUGGESTIONS = ['What is an apple?', 'What is the capital of France?'];

export const Chat = ({ onAnswer }: { onAnswer: (answer: string) => void }) => (
  <bamba-chat
    model="/models/lexicon/"
    without="models"
    temperature={0.7}
    suggestions={SUGGESTIONS}
    onbamba-answer={({ detail }) => onAnswer(detail.answer)}
  />
);

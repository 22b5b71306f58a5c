import 'bamba-web/define';

const SUGGESTIONS = ['What is an apple?', 'What is the capital of France?'];

export const Chat = ({ onAnswer }) => (
  <bamba-chat
    model="/models/lexicon/"
    without="models"
    temperature={0.7}
    suggestions={SUGGESTIONS}
    onbamba-answer={(event) => onAnswer(event.detail)}
  />
);

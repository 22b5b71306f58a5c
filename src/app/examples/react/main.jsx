import { createRoot } from 'react-dom/client';
import { Chat } from './Chat.jsx';

const show = ({ answer }) => (document.querySelector('#last').value = answer);

createRoot(document.querySelector('#app')).render(<Chat onAnswer={show} />);

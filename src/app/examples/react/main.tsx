import { createRoot } from 'react-dom/client';
import { Chat } from './Chat.tsx';

const last = document.querySelector<HTMLOutputElement>('#last')!;

createRoot(document.querySelector('#app')!).render(<Chat onAnswer={(answer) => (last.value = answer)} />);

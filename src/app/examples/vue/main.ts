import { createApp } from 'vue';
import Chat from './Chat.vue';

const last = document.querySelector<HTMLOutputElement>('#last')!;

createApp(Chat, { onAnswer: (answer: string) => (last.value = answer) }).mount('#app');

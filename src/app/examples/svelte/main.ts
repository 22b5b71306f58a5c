import { mount } from 'svelte';
import Chat from './Chat.svelte';

const last = document.querySelector<HTMLOutputElement>('#last')!;

mount(Chat, {
  target: document.querySelector('#app')!,
  props: { onAnswer: (answer: string) => (last.value = answer) },
});

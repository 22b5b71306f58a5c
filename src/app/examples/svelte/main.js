import { mount } from 'svelte';
import Chat from './Chat.svelte';

const show = ({ answer }) => (document.querySelector('#last').value = answer);

mount(Chat, { target: document.querySelector('#app'), props: { onAnswer: show } });

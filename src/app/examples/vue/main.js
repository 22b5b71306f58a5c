import { createApp } from 'vue';
import Chat from './Chat.vue';

const show = ({ answer }) => (document.querySelector('#last').value = answer);

createApp(Chat, { onAnswer: show }).mount('#app');

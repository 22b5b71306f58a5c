// The element, and an event of it: everything else is in the page's HTML.

import 'bamba-web/define';

const asked = document.querySelector<HTMLOutputElement>('#asked');
let count = 0;

document.querySelector('bamba-chat')?.addEventListener('bamba-answer', () => {
  if (asked) asked.value = String(++count);
});

// The server has this file inside; docs/client.md of Perigee has more on it.
import { SocketClient } from '/perigee.js';

/** @typedef {import('../types/api').Api} Api what the scripts declare */

/** @type {(id: string) => any} */
const $ = (id) => document.getElementById(id);
const me = new URLSearchParams(location.search).get('user') ??
  `guest-${Math.floor(Math.random() * 1000)}`;
$('me').textContent = me;

/** @type {SocketClient<Api>} */
const client = new SocketClient('/ws', {
  // `perigee dev` gives a token to whoever asks. In production your backend
  // does, to those who have logged in.
  tokenGetter: async () => {
    const answer = await fetch(`/dev/token?user=${encodeURIComponent(me)}`);
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return (await answer.json()).token;
  },
});

function show(text) {
  const line = document.createElement('li');
  line.textContent = text;
  $('lines').append(line);
}

client.on('hello.said', ({ from, text }) => show(`${from}: ${text}`));
client.onStateChange(({ state }) => { $('state').textContent = state; });
client.connect();

$('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  try {
    await client.request('hello.say', { text: $('text').value });
    $('text').value = '';
  } catch (error) {
    show(`(${error.message})`);
  }
});

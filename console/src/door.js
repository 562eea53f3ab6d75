// SPDX-License-Identifier: MIT
// The door: a link of `perigee console` opens it, or a key.

import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { enter } from './server.js';

/** The secret in the address, which is taken out of it. */
function takeLink() {
  const link = /^#link=([0-9a-f]+)$/.exec(location.hash)?.[1];
  if (link) history.replaceState(null, '', '/');
  return link;
}

export function Door({ ended, onOpen }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(ended ? 'Your session has ended.' : '');
  const field = useRef();

  async function open(scheme, secret) {
    setBusy(true);
    setError('');
    try {
      await enter(scheme, secret);
      onOpen();
    } catch (why) {
      setError(why.status === 401 && scheme === 'Bearer'
        ? 'That is none of the keys in api.keys.'
        : why.status ? why.message : 'The server does not answer.');
      setBusy(false);
      field.current?.focus();
    }
  }

  useEffect(() => {
    const follow = () => {
      const link = takeLink();
      if (link) open('Link', link);
    };
    follow();
    field.current?.focus();
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);

  const submit = (event) => {
    event.preventDefault();
    const key = field.current.value.trim();
    if (key) open('Bearer', key);
  };

  return html`<main class="door"><form class="card" onSubmit=${submit}>
    <img src="/console/icon.svg" alt="" width="56" height="56" />
    <h1>Perigee console</h1>
    <p>Run <code>perigee console</code> where the server is, and open the link
      that it prints. Or paste a key of <code>api.keys</code> that
      has <code>admin</code>.</p>
    <label for="key">Key</label>
    <input id="key" ref=${field} type="password" autocomplete="off"
      spellcheck="false" required aria-describedby="door-error" />
    <p id="door-error" class="error" role="alert">${error}</p>
    <button class="primary" disabled=${busy}>Open</button>
  </form></main>`;
}

// SPDX-License-Identifier: MIT
// What views have in common: asking again and again, buttons that are sure,
// JSON to read and to write.

import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { api } from './server.js';

const EVERY_MS = 2000;

/** What GET answers at that path of the API, asked again every two seconds:
 * [answer, error, again]. */
export function useAnswer(path) {
  const [state, setState] = useState([null, null]);
  const again = useRef(() => {});
  useEffect(() => {
    let over = false;
    const look = () => api('GET', path).then(
      (answer) => over || setState([answer, null]),
      (error) => over || setState(([answer]) => [answer, error]));
    again.current = look;
    setState([null, null]);
    look();
    const timer = setInterval(look, EVERY_MS);
    return () => {
      over = true;
      clearInterval(timer);
    };
  }, [path]);
  return [...state, again.current];
}

/** A button that does something at the second click only. */
export function Sure({ children, label, act }) {
  const [asked, setAsked] = useState(false);
  const done = useRef();
  useEffect(() => () => clearTimeout(done.current), []);
  const click = () => {
    clearTimeout(done.current);
    if (asked) {
      setAsked(false);
      act();
    } else {
      setAsked(true);
      done.current = setTimeout(() => setAsked(false), 4000);
    }
  };
  return html`<button type="button" class=${`danger${asked ? ' sure' : ''}`}
    aria-label=${label && (asked ? `Really: ${label}` : label)}
    onClick=${click}><span class=${asked ? 'gone' : ''}>${children}</span>
    <span class=${asked ? '' : 'gone'}>Really?</span></button>`;
}

/** Pretty JSON; short values stay on a line. */
export function pretty(value) {
  const line = JSON.stringify(value) ?? '';
  return line.length <= 72 ? line : JSON.stringify(value, null, 2);
}

/** What came of something one did: { good } or { bad }. */
export function Outcome({ said }) {
  return html`<p class=${`said${said?.bad ? ' bad' : ''}`} role="status">
    ${said?.bad ?? said?.good ?? ''}</p>`;
}

/** A form that sends a message to `target`: { user } or { room }. */
export function Send({ target, name }) {
  const [said, setSaid] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    const { type, data } = Object.fromEntries(new FormData(event.target));
    const message = { type: type.trim() };
    try {
      if (data.trim()) message.data = JSON.parse(data);
    } catch (error) {
      setSaid({ bad: `The data is not JSON: ${error.message}` });
      return;
    }
    try {
      const { receivers } = await api('POST', '/send', { ...target, message });
      setSaid({ good: receivers === 0 ? 'Nobody was there to get it.'
        : `Sent to ${receivers} connection${receivers === 1 ? '' : 's'}.` });
    } catch (error) {
      setSaid({ bad: error.message });
    }
  };
  return html`<section class="card"><h2>Send a message</h2>
    <form class="fields" onSubmit=${submit}>
      <label>Type<input name="type" required maxlength="64" class="mono"
        autocapitalize="none" spellcheck="false" placeholder="notify" /></label>
      <label>Data, as JSON<textarea name="data" rows="3" class="mono"
        spellcheck="false" placeholder='{"text": "Hello"}'></textarea></label>
      <div class="row"><button class="primary">Send to ${name}</button>
        <${Outcome} said=${said} /></div>
    </form></section>`;
}

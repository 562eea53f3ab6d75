// SPDX-License-Identifier: MIT
// The console: its door, and the frame around its views.

import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { html } from 'htm/preact';
import './console.css';
import 'uplot/dist/uPlot.min.css';
import { Door } from './door.js';
import { startFigures, stopFigures } from './figures.js';
import { Look } from './look.js';
import { Now } from './now.js';
import { Reload } from './reload.js';
import { ask, hasSession, leave, whenEnded } from './server.js';
import { Trace } from './trace.js';
import { Try } from './try.js';

const VIEWS = [
  { name: 'now', title: 'Now', view: Now,
    icon: 'M3 12h4l3-8 4 16 3-8h4' },
  { name: 'look', title: 'Look', view: Look,
    icon: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M16 16l5 5' },
  { name: 'reload', title: 'Reload', view: Reload,
    icon: 'M20 11a8 8 0 1 0-2 6M20 4v7h-7' },
  { name: 'trace', title: 'Trace', view: Trace,
    icon: 'M4 6h9M4 12h14M4 18h6M17 6h3M14 18h6' },
  { name: 'try', title: 'Try', view: Try,
    icon: 'M21 12a8 8 0 0 1-8 8H4l2-3a8 8 0 1 1 15-5M9 12h8M13 8v8' },
];

/** Where the address says one is: ['look', 'user', 'alice']. */
const place = () => location.hash.replace(/^#\/?/, '').split('/')
  .map(decodeURIComponent);

function Nav({ at }) {
  return html`<nav aria-label="Views">${VIEWS.map(({ name, title, icon }) => html`
    <a href=${`#/${name}`} key=${name} aria-current=${name === at && 'page'}>
      <svg viewBox="0 0 24 24" aria-hidden="true"><path d=${icon} /></svg>
      ${title}</a>`)}</nav>`;
}

function Frame({ about, onLeave }) {
  const [path, setPath] = useState(place);
  useEffect(() => {
    const move = () => {
      setPath(place());
      scrollTo(0, 0);
    };
    addEventListener('hashchange', move);
    startFigures();
    const timer = setInterval(() => ask('GET', '/console/about')
      .catch(() => {}), 5000); // whether one is still let in
    return () => {
      clearInterval(timer);
      removeEventListener('hashchange', move);
      stopFigures();
    };
  }, []);
  const at = VIEWS.find(({ name }) => name === path[0]) ?? VIEWS[0];
  useEffect(() => { document.title = `${at.title} – Perigee console`; }, [at]);
  return html`<div class="frame">
    <a class="skip" href="#main" onClick=${(event) => {
      event.preventDefault();
      document.getElementById('main').focus();
    }}>Skip to the view</a>
    <header class="side">
      <p class="brand"><img src="/console/icon.svg" alt="" width="28"
        height="28" /> Perigee</p>
      <${Nav} at=${at.name} />
      <div class="who"><p>Version <a href="/console/licenses.txt"
        title="Licenses of the libraries">${about.version}</a><br />Key${' '}
        <b>${about.key}</b></p>
        <button class="quiet" onClick=${onLeave}>Leave</button></div>
    </header>
    <main id="main" tabindex="-1"><${at.view} path=${path.slice(1)}
      about=${about} /></main>
  </div>`;
}

function Console() {
  const [inside, setInside] = useState(hasSession() &&
    !location.hash.startsWith('#link='));
  const [ended, setEnded] = useState(false);
  const [about, setAbout] = useState(null);
  const shut = (was) => {
    setAbout(null);
    setEnded(was);
    setInside(false);
  };
  whenEnded(() => shut(true));
  useEffect(() => {
    if (inside) ask('GET', '/console/about').then(setAbout, () => {});
  }, [inside]);
  if (!inside) {
    return html`<${Door} ended=${ended} onOpen=${() => setInside(true)} />`;
  }
  return about && html`<${Frame} about=${about}
    onLeave=${() => leave().then(() => shut(false))} />`;
}

render(html`<${Console} />`, document.getElementById('console'));
